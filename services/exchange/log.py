"""The consumer `exchange.log`: everything that is told is stored, and goes into the log of each agency that may have
it, in the transaction that consumes it. It is a log, not a projection: a rebuild keeps it."""

from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, case, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from services.exchange.directory import note_places
from services.exchange.models import Agency, ConsentLevelRow, ConsentStep, ErasedCase, LogHead, LogRow, StoredEvent
from services.exchange.policy import policies
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
_AT_ONCE = 5_000
FURTHER = 1_000_000_000
"""More positions than a log can have been given since any backup."""


_TAKE = adding(table_of(LogHead), ("name",), "last_event", returning=("last_event",))
_AGENCIES = Prepared(select(col(Agency.agency), col(Agency.last)))
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
    session = work.session
    first = _take_positions(session, len(events))
    agencies = _open_agencies(session, policies(), first)
    fold = _fold(session, agencies, events)
    for position, event in enumerate(events, first):
        fold.take(position, event)
    _write(session, fold, agencies, [_stored(position, event) for position, event in enumerate(events, first)])
    note_places(session, events)


LOG = Consumer(name="exchange.log", topics=(LIFECYCLE, OPERATIONS), apply=keep_log)


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


def _take_positions(session: Session, count: int) -> int:
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


def _open_agencies(session: Session, wanted: Iterable[str], before: int) -> dict[str, int]:
    """The last position of each agency of the policy; one that is new gets the log it would have by now."""
    last = {row.agency: row.last for row in _AGENCIES.all(session)}
    wanted = sorted(wanted)
    for agency in wanted:
        if agency not in last:
            session.execute(insert(table_of(Agency)).values(agency=agency, last=0, sent=0))
            last[agency] = _catch_up(session, agency, before)
    return {agency: last[agency] for agency in wanted}


def _catch_up(session: Session, agency: str, before: int) -> int:
    """The log of an agency that joins later: all that was stored, folded as if it had been there."""
    rows = session.execute(
        select(col(StoredEvent.position), col(StoredEvent.payload))
        .where(col(StoredEvent.position) < before)
        .order_by(col(StoredEvent.position))
        .execution_options(yield_per=_AT_ONCE)
    )
    erased = session.scalars(select(col(ErasedCase.case_id))).all()
    fold = LogFold([agency], {}, None, erased)
    for position, payload in rows:
        fold.take(position, Event.from_bytes(payload))
    _write(session, fold, {agency: 0}, [])
    return len(fold.entries)


def _fold(session: Session, agencies: Iterable[str], events: Sequence[Event]) -> LogFold:
    """A fold that knows what holds for the cases of the batch, and the history of those whose consent may change."""
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
            .where(col(StoredEvent.subject).in_(changing), col(StoredEvent.topic) == LIFECYCLE)
            .order_by(col(StoredEvent.position))
        )
        for case, position in earlier:
            histories[case].append(position)
    return LogFold(agencies, standings, histories, erased)


def _write(session: Session, fold: LogFold, last: dict[str, int], stored: Sequence[dict[str, object]]) -> None:
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
    insert_together(
        session, [(table_of(StoredEvent), stored), (table_of(LogRow), rows), (table_of(ConsentStep), steps)]
    )
    _MOVE.write(session, [{"of_agency": agency, "to_last": to} for agency, to in after.items() if to != last[agency]])
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
