"""What is written of a projection's generations: begun, how far, which is live, what is left of the others."""

from typing import Any

from sqlalchemy import and_, case, delete, func, select, tuple_, update
from sqlalchemy.orm import Session

from shared.consuming.parking import event_of, headers_of
from shared.consuming.projection import Projection
from shared.consuming.table import INBOX, PARKED
from shared.database.types import DatabaseMilliseconds
from shared.work import Work

SILENT_SECONDS = 15.0
"""Without a sign of life for so long, nobody builds any more."""
SWEPT_AT_ONCE = 5_000
STOPPED = "the process stopped"
OUTDATED = "its tables changed"
"""What a migration writes of a projection whose tables it has emptied: it is built again at the next start. It stays
written until a generation was put in place, however often a build of it ends."""


class Superseded(Exception):
    """Another build of the projection was begun meanwhile."""


class UnderWay(Exception):
    """The projection is being built at this moment."""


def begin(work: Work, projection: Projection) -> int:
    """The number of a new generation, which the caller builds after the commit. Raises UnderWay."""
    state = projection.state(work.session, "update")
    if state.building is not None and _silent_ms(work.session, projection) < SILENT_SECONDS * 1000:
        raise UnderWay(projection.name)
    number = int(state.last) + 1
    _change(work.session, projection, last=number, building=number, taken=0, ended=None, beat_ms=DatabaseMilliseconds())
    return number


def begin_outdated(work: Work, projection: Projection) -> int | None:
    """As `begin`, where a migration has emptied the projection and nobody builds it yet; else None."""
    if projection.state(work.session, "update").ended != OUTDATED:
        return None
    try:
        number = begin(work, projection)
    except UnderWay:
        return None
    _change(work.session, projection, ended=OUTDATED)
    return number


def end(session: Session, projection: Projection, number: int, reason: str) -> None:
    """Write that the build of this generation came to nothing."""
    ended = projection.generations.c.ended
    note(session, projection, number, building=None, ended=case((ended == OUTDATED, OUTDATED), else_=reason))


def progress(session: Session, projection: Projection) -> dict[str, Any]:
    """How far the build of a projection is, if one is under way, and how the last one ended."""
    table = projection.generations
    row = session.execute(
        select(table, (DatabaseMilliseconds() - table.c.beat_ms).label("silent_ms")).where(
            table.c.consumer == projection.name
        )
    ).one_or_none()
    building = None if row is None else row.building
    parked = 0
    if building is not None:
        theirs = PARKED.c.consumer == projection.name_of(building)
        parked = session.execute(select(func.count()).select_from(PARKED).where(theirs)).scalar_one()
    return {
        "projection": projection.name,
        "live": 0 if row is None else row.live,
        "building": building,
        "taken": 0 if row is None else row.taken,
        "parked": parked,
        "silent_seconds": 0.0 if row is None or building is None else max(0, row.silent_ms) / 1000,
        "ended": None if row is None else row.ended,
    }


def see_that_it_is_ours(session: Session, projection: Projection, number: int, lock: str = "share") -> int:
    """The number of the live generation, while `number` is the one that is built. Raises Superseded."""
    state = projection.state(session, lock)
    if state.building != number:
        raise Superseded
    return int(state.live)


def note(session: Session, projection: Projection, number: int, **values: Any) -> None:
    """Write of the build of this generation, as long as it is the one that is built."""
    table = projection.generations
    ours = and_(table.c.consumer == projection.name, table.c.building == number)
    session.execute(update(table).where(ours).values(**values))


def is_behind(session: Session, ours_name: str, live_name: str) -> bool:
    """Whether a stream is further in the live generation than in ours."""
    live, ours = INBOX.alias("live"), INBOX.alias("ours")
    same = and_(ours.c.consumer == ours_name, ours.c.source == live.c.source, ours.c.subject == live.c.subject)
    further = (
        select(live.c.version)
        .select_from(live.outerjoin(ours, same))
        .where(live.c.consumer == live_name, live.c.version > func.coalesce(ours.c.version, 0))
        .limit(1)
    )
    return session.execute(further).first() is not None


def swap(session: Session, projection: Projection, number: int) -> bool:
    """Make a generation the live one, unless a stream is further there. No batch of the live one runs meanwhile:
    each shares the lock that is taken here."""
    live_name = projection.name_of(see_that_it_is_ours(session, projection, number, "update"))
    ours_name = projection.name_of(number)
    if is_behind(session, ours_name, live_name):
        return False
    _adopt(session, live_name, ours_name)
    _change(session, projection, live=number, building=None, ended=None)
    return True


def sweep_some(session: Session, projection: Projection) -> bool:
    """Remove a little of what belongs to no generation that is live or built; whether there may be more.

    No lock is needed: a number that was given up is never used again.
    """
    table = projection.generations
    state = session.execute(select(table).where(table.c.consumer == projection.name)).one()
    kept = {state.live, state.building} - {None}
    old = [number for number in range(state.swept, state.last + 1) if number not in kept]
    if not old:
        return False
    names = [projection.name_of(number) for number in old]
    rows = [(one, one.c.generation.in_(old)) for one in projection.tables]
    for one, condition in (*rows, (INBOX, INBOX.c.consumer.in_(names)), (PARKED, PARKED.c.consumer.in_(names))):
        key = tuple(one.primary_key.columns)
        some = select(*key).where(condition).limit(SWEPT_AT_ONCE)
        if session.execute(delete(one).where(tuple_(*key).in_(some)).returning(key[0])).all():
            return True
    _change(session, projection, swept=min(kept))
    return False


def _silent_ms(session: Session, projection: Projection) -> int:
    table = projection.generations
    silent = select(DatabaseMilliseconds() - table.c.beat_ms).where(table.c.consumer == projection.name)
    return int(session.execute(silent).scalar_one())


def _change(session: Session, projection: Projection, **values: Any) -> None:
    table = projection.generations
    session.execute(update(table).where(table.c.consumer == projection.name).values(**values))


def _adopt(session: Session, live: str, ours: str) -> None:
    """What waits in the live generation: gone where ours has applied or parked it, else it waits in ours."""
    for row in session.execute(select(PARKED).where(PARKED.c.consumer == live).order_by(PARKED.c.position)).all():
        event = event_of(row.payload, headers_of(row.binary_headers))
        if (event is not None and event.streamversion <= _mark(session, ours, event.source, event.subject)) or (
            _is_parked(session, ours, row)
        ):
            session.execute(delete(PARKED).where(PARKED.c.position == row.position))
        else:
            session.execute(update(PARKED).where(PARKED.c.position == row.position).values(consumer=ours))


def _mark(session: Session, consumer: str, source: str, subject: str) -> int:
    stream = and_(INBOX.c.consumer == consumer, INBOX.c.source == source, INBOX.c.subject == subject)
    return session.execute(select(INBOX.c.version).where(stream)).scalar_one_or_none() or 0


def _is_parked(session: Session, consumer: str, row: Any) -> bool:
    same = and_(PARKED.c.consumer == consumer, PARKED.c.key == row.key, PARKED.c.payload == row.payload)
    return session.execute(select(PARKED.c.position).where(same).limit(1)).first() is not None
