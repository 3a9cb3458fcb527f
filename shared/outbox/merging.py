"""Event logs of several services as one: a cause before its effects, each stream in its order, otherwise by time."""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from shared.bus.protocol import Record


class LogPlace(NamedTuple):
    """A row of a service's event log."""

    service: str
    position: int


@dataclass(frozen=True, slots=True)
class Row:
    """An event to be sent. `cause`: the row that must be sent before it; None where there is none in these logs."""

    place: LogPlace
    recorded_ms: int
    cause: LogPlace | None
    published: bool
    record: Record


class Log(Protocol):
    """One service's log, read in the order of its positions."""

    service: str

    async def head(self) -> Row | None:
        """The next row, the same one until `pass_on`; None at the end."""

    def pass_on(self) -> None:
        """Go on behind the head."""


async def merged(logs: Sequence[Log]) -> AsyncIterator[Row]:
    """Every row of the logs once. What it holds in memory is what waits for a cause that a log tells later.

    That is nothing as long as positions are given out as time goes by: a row that waits, all that stands behind it,
    and all that waits for those, are younger than what they wait for, so one head is always free. Only where rows were
    put back into a log (after a restore) a row has to step aside with what follows in its stream. Clocks don't matter.
    """
    merge = _Merge({log.service: 0 for log in logs})
    while heads := [(log, row) for log in logs if (row := await log.head()) is not None]:
        log, row = merge.choose(heads)
        log.pass_on()
        for ready in merge.take(row):
            yield ready
    for ready in merge.rest():
        yield ready


_Stream = tuple[str, str]
"""(service, subject)"""


class _Merge:
    def __init__(self, passed: dict[str, int]) -> None:
        self._passed = passed
        self._aside: dict[_Stream, deque[Row]] = {}
        self._places_aside: set[LogPlace] = set()
        self._waiting: dict[LogPlace, list[_Stream]] = {}

    def choose(self, heads: Sequence[tuple[Log, Row]]) -> tuple[Log, Row]:
        """The earliest that may be sent; where none may, the earliest."""
        free = [head for head in heads if self._is_free(head[1])]
        return min(free or heads, key=lambda head: head[1].recorded_ms)

    def take(self, row: Row) -> list[Row]:
        """What is sent now: the row and those that waited for it; nothing, where it has to wait itself."""
        self._passed[row.place.service] = row.place.position
        stream = (row.place.service, row.record.key)
        if stream in self._aside:
            self._aside[stream].append(row)
        elif self._is_free(row):
            return self._send(row)
        else:
            self._aside[stream] = deque([row])
            self._await_cause(stream)
        self._places_aside.add(row.place)
        return []

    def rest(self) -> list[Row]:
        """What still waits at the end goes in a circle, which no log that Pulang wrote has: earliest first then."""
        sent: list[Row] = []
        while self._aside:
            stream = min(self._aside, key=lambda one: self._aside[one][0].recorded_ms)
            sent += self._send(self._take_from(stream))
            if stream in self._aside:
                sent += self._send_stream(stream)
        return sent

    def _is_free(self, row: Row) -> bool:
        cause = row.cause
        return cause is None or (cause.position <= self._passed[cause.service] and cause not in self._places_aside)

    def _send(self, row: Row) -> list[Row]:
        sent = [row]
        for stream in self._waiting.pop(row.place, ()):
            sent += self._send_stream(stream)
        return sent

    def _send_stream(self, stream: _Stream) -> list[Row]:
        sent: list[Row] = []
        while stream in self._aside:
            if not self._is_free(self._aside[stream][0]):
                self._await_cause(stream)
                break
            sent += self._send(self._take_from(stream))
        return sent

    def _take_from(self, stream: _Stream) -> Row:
        row = self._aside[stream].popleft()
        self._places_aside.discard(row.place)
        if not self._aside[stream]:
            del self._aside[stream]
        return row

    def _await_cause(self, stream: _Stream) -> None:
        cause = self._aside[stream][0].cause
        if cause is not None and stream not in self._waiting.setdefault(cause, []):
            self._waiting[cause].append(stream)
