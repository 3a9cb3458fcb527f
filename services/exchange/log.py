"""The consumer `exchange.log`: everything that is told is stored, and goes into the log of each agency that may have
it, in the transaction that consumes it. It is a log, not a projection: a rebuild keeps it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, case, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from services.exchange.directory import note_places
from services.exchange.disclosure import what_to_delete
from services.exchange.models import (
    Agency,
    ConsentLevelRow,
    ConsentStep,
    DeletionRequest,
    ErasedCase,
    LogHead,
    LogRow,
    StoredEvent,
)
from services.exchange.rules import LogFold, Standing, topic_of
from shared.consuming.inbox import Consumer
from shared.database.models import table_of
from shared.database.prepared import Prepared, adding, upserting
from shared.database.together import insert_together
from shared.erasing.forgetting import Forgetting
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE, OPERATIONS
from shared.events.intake import ConsentChanged
from shared.security.secrets import Secrets
from shared.work import Work

HEAD = "log"
TIME_TO_DELETE = timedelta(hours=3 * 24)
"""UU 27/2022: processing is restricted within 3x24 hours of the person's word."""
FURTHER = 1_000_000_000
"""More positions than a log can have been given since any backup."""


_TAKE = adding(table_of(LogHead), ("name",), "last_event", returning=("last_event",))
_KEPT = Prepared(select(col(Agency.agency), col(Agency.last)).where(col(Agency.joining_at).is_(None)))
"""Those whose logs keep up; one that is joining comes by itself (`joining`)."""
_STANDINGS = Prepared(
    select(table_of(ConsentLevelRow)).where(col(ConsentLevelRow.case_id).in_(bindparam("of_cases", expanding=True)))
)
_MOVE = Prepared(
    update(table_of(Agency))
    .where(table_of(Agency).c.agency == bindparam("of_agency"))
    .values(last=bindparam("to_last"))
)
_LEVEL = upserting(table_of(ConsentLevelRow), ("case_id", "agency"), ("level", "grant_number", "erased"))
_ERASED = Prepared(
    select(table_of(ErasedCase)).where(col(ErasedCase.case_id).in_(bindparam("of_cases", expanding=True)))
)
_ERASE = upserting(table_of(ErasedCase), ("case_id",))


def keep_log(work: Work, events: Sequence[Event]) -> None:
    """Store a batch, and fold it into the logs."""
    session, now = work.session, work.now
    first = take_positions(session, len(events))
    agencies = {row.agency: row.last for row in _KEPT.all(session)}
    fold = fold_from(session, agencies, events, first)
    for position, event in enumerate(events, first):
        fold.take(position, event)
    write_fold(session, fold, agencies, now, [_stored(position, event) for position, event in enumerate(events, first)])
    note_places(session, events)


LOG = Consumer(name="exchange.log", topics=(LIFECYCLE, OPERATIONS), apply=keep_log, ignores="/pulang/exchange")
"""Not what exchange tells itself: who joins and leaves is told to the services, and no agency of another."""


def begin_behind_all_cursors(session: Session) -> None:
    """After a restore: the logs go on behind every position that was ever given, since what is heard again may come in
    another order. Who reads from a cursor of before hears it again, and drops what they have."""
    agencies = table_of(Agency)
    behind = col(Agency.last) + FURTHER
    sent = case((col(Agency.sent) == col(Agency.last), behind), else_=col(Agency.sent))
    session.execute(update(agencies).values(last=behind, sent=sent))


def _forget(session: Session, secrets: Secrets, cases: Sequence[str], now_ms: int) -> None:
    """After a restore, before anybody is served: that they were erased is heard again only later."""
    _no_more_of(session, cases)


def _no_more_of(session: Session, cases: Sequence[str]) -> None:
    """Also for agencies that have left: they may come back."""
    _ERASE.write(session, [{"case_id": case} for case in cases])
    levels = table_of(ConsentLevelRow)
    session.execute(update(levels).where(levels.c.case_id.in_(cases)).values(erased=True))


FORGETTING = Forgetting(_forget)


def take_positions(session: Session, count: int) -> int:
    """The first of `count` positions; locks the log against other writers until the commit."""
    (head,) = _TAKE.write(session, [{"name": HEAD, "last_event": count, "directory": 0}])
    return int(head.last_event) - count + 1


def _stored(position: int, event: Event) -> dict[str, object]:
    return {
        "position": position,
        "source": event.source,
        "id": event.id,
        "subject": event.subject,
        "streamversion": event.streamversion,
        "topic": topic_of(event.type),
        "payload": event.to_bytes(),
    }


def fold_from(session: Session, agencies: Iterable[str], events: Sequence[Event], first: int) -> LogFold:
    """A fold that knows what holds for the cases of a batch, and the history of those whose consent may change: what
    stands before its first position."""
    cases = sorted({event.subject for event in events if topic_of(event.type) == LIFECYCLE})
    changing = sorted({event.subject for event in events if event.type == ConsentChanged.TYPE})
    standings: dict[tuple[str, str], Standing] = {}
    erased: set[str] = set()
    if cases:
        rows = _STANDINGS.all(session, of_cases=cases)
        standings = {(row.case_id, row.agency): Standing(row.level, row.grant_number, row.erased) for row in rows}
        erased = {row.case_id for row in _ERASED.all(session, of_cases=cases)}
    histories: dict[str, list[int]] = {case: [] for case in changing}
    if changing:
        earlier = session.execute(
            select(col(StoredEvent.subject), col(StoredEvent.position))
            .where(
                col(StoredEvent.subject).in_(changing),
                col(StoredEvent.topic) == LIFECYCLE,
                col(StoredEvent.position) < first,
            )
            .order_by(col(StoredEvent.position))
        )
        for case, position in earlier:
            histories[case].append(position)
    return LogFold(agencies, standings, histories, erased)


def write_fold(
    session: Session, fold: LogFold, last: dict[str, int], now: datetime, stored: Sequence[dict[str, object]] = ()
) -> None:
    """The rows of a fold, behind the `last` of each log. `stored`: of the events themselves, where they are new."""
    rows: list[dict[str, object]] = []
    after = dict(last)
    for entry in fold.entries:
        after[entry.agency] += 1
        rows.append(
            {
                "agency": entry.agency,
                "position": after[entry.agency],
                "grant_number": entry.grant,
                "event": entry.event,
            }
        )
    steps = [
        {
            "event": step.event,
            "agency": step.agency,
            "level_before": step.level_before,
            "level_after": step.level_after,
            "grant_number": step.grant,
        }
        for step in fold.steps
    ]
    asked = [
        _request(step.event, step.case, step.agency, asks, now)
        for step in fold.steps
        if (asks := what_to_delete(step.level_before, step.level_after)) is not None
    ]
    asked += [_request(one.event, one.case, one.agency, "erasure", now) for one in fold.erasures]
    insert_together(
        session,
        [
            (table_of(StoredEvent), stored),
            (table_of(LogRow), rows),
            (table_of(ConsentStep), steps),
            (table_of(DeletionRequest), asked),
        ],
    )
    _MOVE.write(
        session, [{"of_agency": agency, "to_last": to} for agency, to in sorted(after.items()) if to != last[agency]]
    )
    if fold.newly_erased:
        _no_more_of(session, sorted(fold.newly_erased))
    _LEVEL.write(
        session,
        [
            {
                "case_id": case,
                "agency": agency,
                "level": standing.level,
                "grant_number": standing.grant,
                "erased": standing.erased,
            }
            for (case, agency), standing in fold.changed.items()
        ],
    )


def _request(event: int, case: str, agency: str, asks: str, now: datetime) -> dict[str, object]:
    return {
        "event": event,
        "agency": agency,
        "case_id": case,
        "asks": asks,
        "asked_at": now,
        "due_at": now + TIME_TO_DELETE,
    }
