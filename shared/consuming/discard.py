"""Giving up for good what is parked: the mark moves past it, and what waits behind it is tried."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, select, update

from shared.consuming.inbox import Stream, lock_marks, move_marks
from shared.consuming.parking import event_of, headers_of
from shared.consuming.retry import missing_behind
from shared.consuming.table import PARKED
from shared.events.envelope import Event
from shared.http.problems import Conflict, NotFound
from shared.security.audit import audit
from shared.work import Work

REASONS = ("malformed", "foreign", "obsolete", "entered_by_hand")
"""Why an event is discarded: it cannot be read, it is none of ours, it means nothing any more, or its effect was
entered by hand."""


class NothingParked(NotFound):
    """Nothing is parked under this key."""


class StillTried(Conflict):
    """It is still tried again by itself: wait until it is a dead letter, or say that it is to be discarded now."""


class SeveralConsumers(Conflict):
    """The key is parked for several consumers: name one."""


def discard(
    work: Work, key: str, reason: str, *, consumer: str | None = None, everything: bool = False, now: bool = False
) -> int:
    """Discard the head of a key, or everything under it; how many events went. Each is audited by its id.

    Where the head waits for one that stands behind it, that one holds the rest up, and is discarded. The mark moves to
    the discarded version: a version before it that never came is not waited for any longer, and is dropped if it
    comes. Bytes that are no event have no version: they are only removed.

    `now`: also while it is still tried by itself. Raises NothingParked, SeveralConsumers, StillTried.
    """
    # Locked in the order of the timers, which try the same rows.
    rows = work.session.execute(
        select(PARKED).where(PARKED.c.key == key).order_by(PARKED.c.position).with_for_update()
    ).all()
    rows = [row for row in rows if consumer in (None, row.consumer)]
    names = {row.consumer for row in rows}
    if not rows:
        raise NothingParked
    if len(names) > 1:
        raise SeveralConsumers(f"it is parked for {' and for '.join(sorted(names))}")
    if not (rows[0].dead or now):
        raise StillTried
    waiting = [(row, event_of(row.payload, headers_of(row.binary_headers))) for row in rows]
    gone = waiting if everything else [waiting[_culprit(work, rows[0].consumer, waiting)]]
    _pass(work, rows[0].consumer, [event for _, event in gone if event is not None])
    for _, event in gone:
        audit(work, "parked.discard", (event.id if event is not None else key)[:64], purpose=reason)
    work.session.execute(delete(PARKED).where(PARKED.c.position.in_([row.position for row, _ in gone])))
    work.session.execute(
        update(PARKED)
        .where(PARKED.c.key == key, PARKED.c.consumer == rows[0].consumer)
        .values(retry_at_ms=0, dead=False, told=False, attempts=0)
    )
    return len(gone)


def _culprit(work: Work, consumer: str, waiting: Sequence[tuple[Row[*tuple[Any, ...]], Event | None]]) -> int:
    return missing_behind(work, consumer, [(row.position, event) for row, event in waiting]) or 0


def _pass(work: Work, consumer: str, events: Sequence[Event]) -> None:
    """Move the marks past these events; never back."""
    last: dict[Stream, int] = {}
    for event in events:
        stream = (event.source, event.subject)
        last[stream] = max(last.get(stream, 0), event.streamversion)
    marks = lock_marks(work.session, consumer, last)
    move_marks(work.session, consumer, {stream: v for stream, v in last.items() if v > marks[stream]})
