"""Stays with their segments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from services.shelter.models import Bed, Room, Segment, Stay
from services.shelter.queries.facilities import in_scope
from services.shelter.schemas import SegmentView, StayView
from shared.database.models import table_of
from shared.security.tokens import Caller

_stays, _segments, _beds, _rooms = table_of(Stay), table_of(Segment), table_of(Bed), table_of(Room)
_WITH_BEDS = (
    select(
        _stays,
        _segments.c.bed_id,
        _segments.c.from_date.label("bed_from"),
        _segments.c.until_date.label("bed_until"),
        _rooms.c.name,
        _rooms.c.room_type,
    )
    .select_from(
        _stays.outerjoin(_segments, _segments.c.stay_id == _stays.c.stay_id)
        .outerjoin(_beds, _beds.c.bed_id == _segments.c.bed_id)
        .outerjoin(_rooms, _rooms.c.room_id == _beds.c.room_id)
    )
    .order_by(_stays.c.stay_id, _segments.c.from_date)
)
_THESE = _WITH_BEDS.where(_stays.c.stay_id.in_(bindparam("stay_ids", expanding=True)))
_OF_PEOPLE = _WITH_BEDS.where(
    _stays.c.facility == bindparam("at_facility"),
    or_(
        _stays.c.stay_id.in_(bindparam("stay_ids", expanding=True)),
        _stays.c.case_id.in_(bindparam("case_ids", expanding=True)),
    ),
)


@dataclass(frozen=True, slots=True)
class StayFilter:
    """What a list of stays may be narrowed to."""

    facility: str | None = None
    status: str | None = None
    case_id: str | None = None


def find_stay(session: Session, caller: Caller, stay_id: str) -> StayView | None:
    found = session.scalars(
        select(col(Stay.stay_id)).where(col(Stay.stay_id) == stay_id, in_scope(caller, col(Stay.facility)))
    ).one_or_none()
    return None if found is None else stays_of(session, [found])[found]


def list_stays(session: Session, caller: Caller, wanted: StayFilter, after: str, limit: int) -> list[StayView]:
    """Stays by id."""
    query = select(col(Stay.stay_id)).where(in_scope(caller, col(Stay.facility)), col(Stay.stay_id) > after)
    for column, value in (
        (col(Stay.facility), wanted.facility),
        (col(Stay.status), wanted.status),
        (col(Stay.case_id), wanted.case_id),
    ):
        if value is not None:
            query = query.where(column == value)
    return list(stays_of(session, session.scalars(query.order_by(col(Stay.stay_id)).limit(limit)).all()).values())


def stays_of(session: Session, stay_ids: Sequence[str]) -> dict[str, StayView]:
    """The stays as they stand, by id and in its order. Scope is the caller's affair."""
    return _views(session.execute(_THESE, {"stay_ids": list(stay_ids)}))


def stays_of_people(
    session: Session, facility: str, stay_ids: Sequence[str], case_ids: Sequence[str]
) -> dict[str, StayView]:
    """The stays in one shelter that are named, or whose people are. Scope is the caller's affair."""
    wanted = {"at_facility": facility, "stay_ids": list(stay_ids), "case_ids": list(case_ids)}
    return _views(session.execute(_OF_PEOPLE, wanted))


def _views(rows: Iterable[Any]) -> dict[str, StayView]:
    stays: dict[str, StayView] = {}
    for row in rows:
        stay = stays.get(row.stay_id)
        if stay is None:
            stay = stays[row.stay_id] = StayView(
                stay_id=row.stay_id,
                case_id=row.case_id,
                facility=row.facility,
                status=row.status,
                from_date=row.from_date,
                until_date=row.until_date,
                reason=row.reason,
                segments=[],
            )
        if row.bed_id is not None:
            stay.segments.append(
                SegmentView(
                    bed_id=row.bed_id,
                    room=row.name,
                    room_type=row.room_type,
                    from_date=row.bed_from,
                    until_date=row.bed_until,
                )
            )
    return stays
