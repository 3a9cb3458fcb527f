"""One batch into the database: what was applied is dropped, what cannot be applied is parked, the rest takes effect.

The inbox is a mark per (consumer, source, subject): the last `streamversion` applied. It grows with cases, not with
events, and it is what makes an effect happen once however often a message comes.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import structlog
from sqlalchemy import bindparam, insert, select, true, update
from sqlalchemy.orm import Session

from shared.bus.protocol import Received
from shared.consuming.parking import BEHIND, GAP, UNDECODABLE, event_of, key_of, park
from shared.consuming.table import INBOX, PARKED
from shared.database.bulk import heap_of, one_by_one
from shared.database.prepared import Prepared, upserting
from shared.database.protocol import DatabaseUnavailable, is_transient
from shared.events.envelope import Event
from shared.pacing import Pace
from shared.work import Desk, Work

log = structlog.get_logger()

Stream = tuple[str, str]
"""(source, subject)"""
Arrived = Sequence[tuple[Received, Event | None]]
"""Records with the events that they are, if they are any."""


class Listener(Protocol):
    """What a loop reads for. Its name is that of its group on the bus."""

    @property
    def name(self) -> str: ...

    @property
    def topics(self) -> tuple[str, ...]: ...

    @property
    def ignores(self) -> str | None: ...

    @property
    def share(self) -> float: ...

    def at(self, session: Session) -> "Consumer": ...

    def name_at(self, session: Session) -> str: ...


@dataclass(frozen=True, slots=True)
class Consumer:
    """A service's reactions, or one projection: a name of its own, so that one can be rebuilt beside the live one."""

    name: str
    topics: tuple[str, ...]
    apply: Callable[[Work, Sequence[Event]], None]
    """Takes events in order; may raise, and is then called again with one event at a time."""
    tells_spans: bool = False
    """Whether `apply` tells by itself which events it takes in (`because_of`, `taking_in`)."""
    alone: bool = False
    """Whether nobody else takes in under this name: its marks need no locks."""
    ignores: str | None = None
    """A source of which it takes nothing in, and keeps no marks."""
    share: float = Pace.SHARE
    """Of the time, that its loop may take while it is not behind."""

    def at(self, session: Session) -> "Consumer":
        """As it is in this transaction; a projection is one of its generations."""
        return self

    def name_at(self, session: Session) -> str:
        """Under which name its marks and parked events are found."""
        return self.name

    def take(self, work: Work, events: Sequence[Event]) -> None:
        """Apply, with their spans where traces are kept."""
        if not events:
            return
        if self.tells_spans:
            self.apply(work, events)
        else:
            with work.taking_in(events, self.name):
                self.apply(work, events)


def read(records: Iterable[Received], ignores: str | None = None) -> Arrived:
    """What the records say, without those of a source."""
    arrived = ((record, event_of(record.value, record.headers)) for record in records)
    return [one for one in arrived if one[1] is None or one[1].source != ignores]


async def take(desk: Desk, consumer_at: Callable[[Session], Consumer], events: Arrived) -> int:
    """Apply a batch; the number of events that took effect.

    In one transaction, all at once. Where that fails, in another one, one at a time: a savepoint for those that don't
    need it would be two trips to the server in each batch. Raises DatabaseUnavailable, and what `consumer_at` raises.
    """
    try:
        return await desk.write(lambda work: take_in(work, consumer_at(work.session), events))
    except DatabaseUnavailable:
        raise
    except Exception as error:
        if is_transient(error):
            raise
        log.info("batch is taken apart", because=type(error).__name__)
    return await desk.write(lambda work: take_in(work, consumer_at(work.session), events, apart=True))


def take_in(work: Work, consumer: Consumer, events: Arrived, *, apart: bool = False) -> int:
    """Apply a batch in the caller's transaction; the number of events that took effect.

    All at once, and raises what the consumer raises; or `apart`, one at a time, and parks what cannot be applied.
    """
    streams = {(event.source, event.subject) for _, event in events if event is not None}
    found = _marks(work.session, consumer, sorted(streams))
    before = {stream: found.get(stream, 0) for stream in streams}
    marks = dict(before)
    blocked = _parked_keys(work.session, consumer.name, {key_of(record) for record, _ in events})
    ready: list[_Ready] = []
    aside: dict[int, str] = {}
    for number, (record, event) in enumerate(events):
        key = key_of(record)
        if event is None:
            aside[number] = UNDECODABLE
            blocked.add(key)
            continue
        stream = (event.source, event.subject)
        if event.streamversion <= marks[stream]:
            continue
        if key in blocked:
            aside[number] = BEHIND
        elif event.streamversion > marks[stream] + 1:
            aside[number] = GAP
            blocked.add(key)
        else:
            marks[stream] = event.streamversion
            ready.append(_Ready(number, key, event))
    if apart:
        applied = _one_by_one(work, consumer, ready, marks, before, aside)
    else:
        consumer.take(work, [one.event for one in ready])
        applied = len(ready)
    for number, reason in sorted(aside.items()):  # as they came, whatever was found out first
        park(work, consumer.name, events[number][0], reason)
    moved = {stream: version for stream, version in marks.items() if version != before[stream]}
    _put_marks(work.session, consumer, found.keys(), moved)
    return applied


class _Ready(NamedTuple):
    """An event whose turn it is: its place in the batch, its record key."""

    number: int
    key: str
    event: Event


def _one_by_one(
    work: Work,
    consumer: Consumer,
    ready: Sequence[_Ready],
    marks: dict[Stream, int],
    before: Mapping[Stream, int],
    aside: dict[int, str],
) -> int:
    """The culprit goes aside, with what follows under its key."""
    marks.update(before)
    applied, blocked = 0, set[str]()
    for one in ready:
        event = one.event
        if one.key in blocked:
            aside[one.number] = BEHIND
            continue
        try:
            with work.attempt():
                consumer.take(work, [event])
        except Exception as error:
            if is_transient(error):
                raise
            log.warning("event is parked", consumer=consumer.name, event_id=event.id, because=type(error).__name__)
            aside[one.number] = type(error).__name__
            blocked.add(one.key)
        else:
            marks[(event.source, event.subject)] = event.streamversion
            applied += 1
    return applied


def lock_marks(session: Session, consumer: str, streams: Iterable[Stream]) -> dict[Stream, int]:
    """The marks of the streams, locked; 0 for a stream that is new. Inserted first, locked in sorted order after."""
    ordered = sorted(streams)
    if not ordered:
        return {}
    _NEW_MARKS.write(session, _rows(consumer, dict.fromkeys(ordered, 0)))
    marks = _found(_LOCKED, session, consumer, ordered)
    return {stream: marks[stream] for stream in ordered}


def move_marks(session: Session, consumer: str, marks: Mapping[Stream, int]) -> None:
    """Write the marks; each is locked by the caller."""
    _MOVE.write(
        session,
        [
            {"of_consumer": consumer, "at_source": source, "at_subject": subject, "to_version": version}
            for (source, subject), version in marks.items()
        ],
    )


def _marks(session: Session, consumer: Consumer, streams: Sequence[Stream]) -> dict[Stream, int]:
    """Of the streams that have one; locked in sorted order, where others may take in beside us."""
    return _found(_AS_THEY_ARE if consumer.alone else _LOCKED, session, consumer.name, streams) if streams else {}


def _put_marks(session: Session, consumer: Consumer, known: Collection[Stream], marks: Mapping[Stream, int]) -> None:
    """Move those that were `known`, and locked; make the others.

    Whoever has made one of those meanwhile took the same events in: this fails then, and what was done goes with it.
    """
    if consumer.alone:
        _PUT.write(session, _rows(consumer.name, marks))
        return
    move_marks(session, consumer.name, {stream: version for stream, version in marks.items() if stream in known})
    new = {stream: marks[stream] for stream in sorted(marks) if stream not in known}
    _MAKE.write(session, _rows(consumer.name, new))


def _rows(consumer: str, marks: Mapping[Stream, int]) -> list[dict[str, Any]]:
    return [
        {"consumer": consumer, "source": source, "subject": subject, "version": version}
        for (source, subject), version in marks.items()
    ]


def _found(marks: Prepared, session: Session, consumer: str, streams: Iterable[Stream]) -> dict[Stream, int]:
    """May bring more than the streams that were asked for."""
    found = marks.all(
        session,
        of_consumer=consumer,
        of_sources={source for source, _ in streams},
        of_subjects={subject for _, subject in streams},
        at_source=[source for source, _ in streams],
        at_subject=[subject for _, subject in streams],
    )
    return {(source, subject): version for source, subject, version in found}


def _parked_keys(session: Session, consumer: str, keys: Iterable[str]) -> set[str]:
    """Which of the keys have something parked."""
    return {row.key for row in _PARKED_KEYS.all(session, of_consumer=consumer, of_keys=sorted(keys))}


_NEW_MARKS = upserting(INBOX, ("consumer", "source", "subject"))
_MAKE = Prepared(insert(INBOX))
_PUT = upserting(INBOX, ("consumer", "source", "subject"), ("version",))


def _of_streams(dialect: str, *, locked: bool) -> Any:
    """Of these streams, in their order; SQLite, asked for a few, looks for their sources and their subjects."""
    found = select(INBOX.c.source, INBOX.c.subject, INBOX.c.version).where(INBOX.c.consumer == bindparam("of_consumer"))
    if dialect == "postgresql":
        heap = heap_of({"at_source": INBOX.c.source.type, "at_subject": INBOX.c.subject.type})
        one = found.where(INBOX.c.source == heap.c.at_source, INBOX.c.subject == heap.c.at_subject)
        mark = one_by_one(one.with_for_update() if locked else one, "mark")
        return select(mark.c.source, mark.c.subject, mark.c.version).join_from(heap, mark, true())
    found = found.where(
        INBOX.c.source.in_(bindparam("of_sources", expanding=True)),
        INBOX.c.subject.in_(bindparam("of_subjects", expanding=True)),
    )
    return found.order_by(INBOX.c.source, INBOX.c.subject) if locked else found


_LOCKED = Prepared(partial(_of_streams, locked=True))
_AS_THEY_ARE = Prepared(partial(_of_streams, locked=False))
_MOVE = Prepared(
    update(INBOX)
    .where(
        INBOX.c.consumer == bindparam("of_consumer"),
        INBOX.c.source == bindparam("at_source"),
        INBOX.c.subject == bindparam("at_subject"),
    )
    .values(version=bindparam("to_version"))
)
_PARKED_KEYS = Prepared(
    select(PARKED.c.key)
    .where(PARKED.c.consumer == bindparam("of_consumer"), PARKED.c.key.in_(bindparam("of_keys", expanding=True)))
    .distinct()
)
