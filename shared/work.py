"""A unit of work: the session, who acts, since when, because of what; and the facts that its commit will tell.

Commands and reactions get a `Work` and never commit. The `Desk` is a service's place for such work: it runs a change in
a transaction, writes the recorded events into it as its last act, and wakes the relay after the commit.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from opentelemetry.trace import Span
from sqlalchemy import Table
from sqlalchemy.orm import Session

from shared.database.protocol import Database, DatabaseUnavailable
from shared.database.together import Rows, insert_together
from shared.events.envelope import Event
from shared.events.fact import Fact
from shared.outbox.record import Told, record, refuse_behind
from shared.security.keys import KeyStore
from shared.security.secrets import Secrets
from shared.security.tokens import Caller
from shared.telemetry.spans import Tracer, traceparent_of
from shared.times import utc_now

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something is done: who asked, and the ids that tie it to what came before."""

    caller: Caller | None = None
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None


NOBODY = Cause()


@dataclass(slots=True)
class Work:
    """One transaction's work. `now` is the moment of recording, UTC, the same for all of it."""

    session: Session
    service: str
    secrets: Secrets
    keys: KeyStore
    cause: Cause
    now: datetime
    tracer: Tracer | None = None
    _told: list[Told] = field(default_factory=list)
    _rows: list[tuple[Table, Rows]] = field(default_factory=list)
    _spans: list[tuple[Span, int]] = field(default_factory=list)
    """Of events that were taken in, with the nanosecond at which each ends: told when the work stands."""

    @property
    def source(self) -> str:
        return f"/pulang/{self.service}"

    @property
    def caller(self) -> Caller:
        """Who asked. Raises LookupError in a reaction, which nobody asked for."""
        if self.cause.caller is None:
            raise LookupError("nobody asked for this")
        return self.cause.caller

    def record(self, subject: str, fact: Fact, occurred: datetime | None = None) -> None:
        """Tell a fact when this work commits. `occurred`: when it happened; now, where it is None."""
        self._told.append(
            Told(
                subject=subject,
                fact=fact,
                occurred=occurred or self.now,
                correlationid=self.cause.correlationid,
                causationid=self.cause.causationid,
                traceparent=self.cause.traceparent,
            )
        )

    @contextmanager
    def because_of(self, event: Event, consumer: str = "") -> Iterator[None]:
        """What is recorded inside was caused by that event, which `consumer` takes in."""
        outer, traceparent, span = self.cause, event.traceparent, None
        if self.tracer is not None and (span := self.tracer.taking_in(event, consumer)) is not None:
            traceparent = traceparent_of(span)
        self.cause = Cause(correlationid=event.correlationid or event.id, causationid=event.id, traceparent=traceparent)
        try:
            yield
        finally:
            self.cause = outer
        if span is not None:
            self._spans.append((span, time.time_ns()))

    @contextmanager
    def taking_in(self, events: Sequence[Event], consumer: str) -> Iterator[None]:
        """A batch that `consumer` folds as one: a span for each event, where traces are kept."""
        tracer = self.tracer
        spans = [] if tracer is None else [tracer.taking_in(event, consumer) for event in events]
        yield
        ended = time.time_ns()
        self._spans += [(span, ended) for span in spans if span is not None]

    def put(self, table: Table, *rows: Mapping[str, Any]) -> None:
        """Rows that nothing else of this work reads: they are written at its end, in one go with its events."""
        self._rows.append((table, rows))

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Rows and facts of the inside stand together or not at all; what it raises goes on to the caller.

        Raises StateBehind here, where one can be set aside, and not at the end of all.
        """
        told, spans, rows = len(self._told), len(self._spans), len(self._rows)
        try:
            with self.session.begin_nested():
                yield
                insert_together(self.session, self._rows[rows:])
                refuse_behind(self.session, (one.subject for one in self._told[told:]))
        except BaseException:
            del self._told[told:]
            del self._spans[spans:]
            raise
        finally:
            del self._rows[rows:]

    def finish(self) -> int:
        """Write the recorded facts as event rows, and what was put aside for them; how many facts."""
        events = record(self.session, self.source, self._told, self.now, self.secrets.chain, self._rows)
        self._told.clear()
        self._rows.clear()
        return len(events)

    def stands(self) -> None:
        """It was committed."""
        for span, ended in self._spans:
            span.end(ended)


@dataclass(slots=True)
class Desk:
    """Where a service's work is done. `listeners` are told after each commit whether events were recorded.

    `closed`: why nothing may be written now; None as long as all may be.
    """

    service: str
    database: Database
    secrets: Secrets
    keys: KeyStore
    listeners: list[Callable[[bool], None]] = field(default_factory=list)
    tracer: Tracer | None = None
    """Where traces are kept."""
    closed: str | None = None

    async def write(self, change: Callable[[Work], Result], cause: Cause = NOBODY) -> Result:
        """Run a change in one transaction with its events; returns after the commit.

        The change may be run again from its start. Raises what it raises, StateBehind, and DatabaseUnavailable.
        """
        if self.closed is not None:
            raise DatabaseUnavailable(self.closed)

        def unit(session: Session) -> tuple[Result, int, Work]:
            work = Work(session, self.service, self.secrets, self.keys, cause, utc_now(), self.tracer)
            result = change(work)
            session.flush()
            return result, work.finish(), work

        result, recorded, work = await self.database.write(unit)
        work.stands()
        for listener in self.listeners:
            listener(recorded > 0)
        return result

    async def read(self, query: Callable[[Session], Result]) -> Result:
        """Ask over one snapshot. Raises DatabaseUnavailable."""
        return await self.database.read(query)

    async def glance(self, query: Callable[[Session], Result]) -> Result:
        """Ask one question, or several that need not agree. Raises DatabaseUnavailable."""
        return await self.database.glance(query)

    async def study(self, query: Callable[[Session], Result]) -> Result:
        """Ask what walks through much of the database; nobody else waits for it. Raises DatabaseUnavailable."""
        return await self.database.study(query)
