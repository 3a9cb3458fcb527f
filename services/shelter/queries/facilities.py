"""Shelters with their rooms, and what lies in a caller's scope."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Mapped, Session
from sqlmodel import col

from services.shelter.models import Bed, Facility, Room
from services.shelter.schemas import FacilityView, RoomView
from shared.security.access import within
from shared.security.tokens import Caller


def facility_scope(caller: Caller) -> ColumnElement[bool]:
    """Shelters of the token, or those that the agency runs."""
    return within(caller, places=(col(Facility.code),), agencies=(col(Facility.agency),))


def in_scope(caller: Caller, column: Mapped[str]) -> ColumnElement[bool]:
    """Rows whose column names a shelter in the caller's scope."""
    return column.in_(select(col(Facility.code)).where(facility_scope(caller)))


def ends_after(until: Mapped[date | None], night: date) -> ColumnElement[bool]:
    """Nights that go on after `night`, or take it: an end that is not there is later than any."""
    return or_(until.is_(None), until > night)


def find_facility(session: Session, caller: Caller, code: str) -> tuple[FacilityView, int] | None:
    """The shelter and its version."""
    place = session.scalars(select(Facility).where(col(Facility.code) == code, facility_scope(caller))).one_or_none()
    return None if place is None else (_views(session, [place])[0], place.version)


def list_facilities(session: Session, caller: Caller) -> list[FacilityView]:
    return _views(session, session.scalars(select(Facility).where(facility_scope(caller)).order_by(col(Facility.code))))


def view_of(session: Session, place: Facility) -> FacilityView:
    return _views(session, [place])[0]


def _views(session: Session, places: Iterable[Facility]) -> list[FacilityView]:
    wanted = list(places)
    rooms: dict[str, dict[str, tuple[str, str, list[str]]]] = {place.code: {} for place in wanted}
    rows = session.execute(
        select(col(Room.facility), col(Room.room_id), col(Room.name), col(Room.room_type), col(Bed.bed_id))
        .join(Bed, col(Bed.room_id) == col(Room.room_id))
        .where(col(Room.facility).in_(list(rooms)), col(Bed.retired_on).is_(None))
        .order_by(col(Room.position), col(Room.room_id), col(Bed.number))
    )
    for facility, room_id, name, room_type, bed_id in rows:
        rooms[facility].setdefault(room_id, (name, room_type, []))[2].append(bed_id)
    return [
        FacilityView(
            **place.model_dump(exclude={"version"}),
            beds=sum(len(beds) for _, _, beds in rooms[place.code].values()),
            rooms=[
                RoomView(name=name, type=room_type, beds=len(beds), bed_ids=beds)
                for name, room_type, beds in rooms[place.code].values()
            ],
        )
        for place in wanted
    ]
