"""Opening a shelter, and changing its particulars, rooms and beds."""

from collections.abc import Sequence
from datetime import date

import uuid_utils
from sqlalchemy import func, insert, select, update
from sqlmodel import col

from services.shelter.commands.refusals import Refusals
from services.shelter.models import Bed, Facility, Room, Segment
from services.shelter.problems import RoomInUse
from services.shelter.queries.facilities import ends_after
from services.shelter.schemas import PutFacility, PutRoom
from shared.database.models import table_of
from shared.events.facilities import FacilityOpened, RoomSummary
from shared.http.preconditions import must_match
from shared.security.audit import audit
from shared.times import local_date
from shared.work import Work


def put_facility(work: Work, code: str, body: PutFacility, if_match: str | None) -> Facility:
    """Open a shelter, or change one that is known (then with If-Match); the same again changes nothing.

    Beds that are taken or held from today on cannot be taken away; the nights slept in those that are stay known.
    Raises PreconditionFailed, PreconditionRequired, RoomInUse.
    """
    particulars = body.model_dump(exclude={"rooms"})
    place = work.session.scalars(select(Facility).where(col(Facility.code) == code).with_for_update()).one_or_none()
    if place is None:
        place = Facility(code=code, **particulars)
        work.session.add(place)
        work.session.flush()
        _furnish(work, place, body.rooms)
    else:
        must_match(if_match, place.version)
        other = any(getattr(place, name) != value for name, value in particulars.items())
        if not _furnish(work, place, body.rooms) and not other:
            return place
        place.sqlmodel_update(particulars)
        place.version += 1
    rooms = tuple(RoomSummary(room_type=room.type, beds=room.beds) for room in body.rooms)
    work.record(code, FacilityOpened(facility=code, kind="shelter", rooms=rooms, **particulars))
    audit(work, "facility.manage", code)
    return place


def _furnish(work: Work, place: Facility, wanted: Sequence[PutRoom]) -> bool:
    """Make rooms and beds what is wanted; True where that changed anything. Raises RoomInUse."""
    rooms = {room.name: room for room in work.session.scalars(select(Room).where(col(Room.facility) == place.code))}
    beds = _beds_there(work, place)
    today = local_date(work.now, place.time_zone)
    in_use = _in_use(work, place, today)
    highest = _highest_numbers(work, place)
    refused, changed = Refusals(), False
    new_beds: list[dict[str, object]] = []
    retired: list[str] = []
    for at, asked in enumerate(wanted):
        room = rooms.pop(asked.name, None)
        if room is None:
            room = Room(
                room_id=str(uuid_utils.uuid7()),
                facility=place.code,
                name=asked.name,
                room_type=asked.type,
                position=at,
            )
            work.session.add(room)
            changed = True
        has = beds.get(room.room_id, [])
        if room.room_type != asked.type and in_use.intersection(has):
            refused.add(RoomInUse, f"rooms/{at}/type")
        if (room.room_type, room.position) != (asked.type, at):
            room.room_type, room.position, changed = asked.type, at, True
        gone = _spare(has, in_use, len(has) - asked.beds)
        if len(has) - len(gone) > asked.beds:
            refused.add(RoomInUse, f"rooms/{at}/beds")
        retired += gone
        new_beds += [
            {
                "bed_id": str(uuid_utils.uuid7()),
                "room_id": room.room_id,
                "facility": place.code,
                "number": highest.get(room.room_id, 0) + number,
            }
            for number in range(1, asked.beds - len(has) + 1)
        ]
    for room in rooms.values():
        has = beds.get(room.room_id, [])
        if in_use.intersection(has):
            refused.add(RoomInUse, "rooms", "a room is left out whose beds are taken or held")
        retired += has
    refused.raise_any()
    if retired:
        work.session.execute(update(table_of(Bed)).where(col(Bed.bed_id).in_(retired)).values(retired_on=today))
    if new_beds:
        work.session.flush()
        work.session.execute(insert(table_of(Bed)), new_beds)
    return changed or bool(retired or new_beds)


def _spare(beds: Sequence[str], in_use: set[str], how_many: int) -> list[str]:
    """Beds that can go, the last ones first; fewer than asked for where too many are in use."""
    return [bed for bed in reversed(beds) if bed not in in_use][: max(0, how_many)]


def _beds_there(work: Work, place: Facility) -> dict[str, list[str]]:
    """Bed ids by room, of the beds that are not taken away."""
    by_room: dict[str, list[str]] = {}
    rows = work.session.execute(
        select(col(Bed.room_id), col(Bed.bed_id))
        .where(col(Bed.facility) == place.code, col(Bed.retired_on).is_(None))
        .order_by(col(Bed.number))
    )
    for room_id, bed_id in rows:
        by_room.setdefault(room_id, []).append(bed_id)
    return by_room


def _highest_numbers(work: Work, place: Facility) -> dict[str, int]:
    """By room the highest number that a bed ever had."""
    rows = work.session.execute(
        select(col(Bed.room_id), func.max(col(Bed.number)))
        .where(col(Bed.facility) == place.code)
        .group_by(col(Bed.room_id))
    )
    return {room_id: number for room_id, number in rows}  # noqa: C416 - a Row is no tuple to the type checker


def _in_use(work: Work, place: Facility, today: date) -> set[str]:
    """Beds that are taken or held tonight or later."""
    return set(
        work.session.scalars(
            select(col(Segment.bed_id)).where(
                col(Segment.facility) == place.code, ends_after(col(Segment.until_date), today)
            )
        )
    )
