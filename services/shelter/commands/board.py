"""The beds of a shelter, and the nights for which they are given, while one request gives out more of them."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from services.shelter.models import Bed, Room, Segment
from services.shelter.rules import Nights, free, there
from shared.database.models import table_of

_beds, _rooms, _segments = table_of(Bed), table_of(Room), table_of(Segment)

_BEDS = (
    select(_beds.c.bed_id, _rooms.c.name, _rooms.c.room_type, _beds.c.retired_on)
    .join(_rooms, _rooms.c.room_id == _beds.c.room_id)
    .where(_beds.c.facility == bindparam("of_facility"))
    .order_by(_rooms.c.position, _rooms.c.room_id, _beds.c.number)
)
_TAKEN = select(_segments.c.bed_id, _segments.c.stay_id, _segments.c.from_date, _segments.c.until_date).where(
    _segments.c.facility == bindparam("of_facility"),
    _segments.c.until_date.is_(None) | (_segments.c.until_date > bindparam("since")),
)


@dataclass(frozen=True, slots=True)
class BedPlace:
    """A bed in its room."""

    bed_id: str
    room: str
    room_type: str
    retired_on: date | None


class BedBoard:
    """Knows every night from `since` on. The caller holds the shelter's lock."""

    def __init__(self, session: Session, facility: str, since: date) -> None:
        beds = session.execute(_BEDS, {"of_facility": facility})
        self._beds = {row.bed_id: BedPlace(row.bed_id, row.name, row.room_type, row.retired_on) for row in beds}
        self._taken: dict[str, dict[str, list[Nights]]] = {}
        """By bed and stay."""
        self._bed_of_stay: dict[str, str] = {}
        for row in session.execute(_TAKEN, {"of_facility": facility, "since": since}):
            self.take(self._beds[row.bed_id], row.stay_id, Nights(row.from_date, row.until_date))

    def bed(self, bed_id: str) -> BedPlace | None:
        return self._beds.get(bed_id)

    def take(self, bed: BedPlace, stay_id: str, nights: Nights) -> None:
        self._taken.setdefault(bed.bed_id, {}).setdefault(stay_id, []).append(nights)
        self._bed_of_stay[stay_id] = bed.bed_id

    def release(self, stay_id: str) -> BedPlace:
        """Give up the one bed that is held for a planned stay; which one it was."""
        bed_id = self._bed_of_stay.pop(stay_id)
        del self._taken[bed_id][stay_id]
        return self._beds[bed_id]

    def is_free(self, bed: BedPlace, nights: Nights) -> bool:
        taken = (one for ranges in self._taken.get(bed.bed_id, {}).values() for one in ranges)
        return there(bed.retired_on, nights) and free(taken, nights)

    def first_free(self, room_type: str, nights: Nights) -> BedPlace | None:
        """The first bed of that kind, in the shelter's own order, that is free on all of these nights."""
        of_type = (bed for bed in self._beds.values() if bed.room_type == room_type)
        return next((bed for bed in of_type if self.is_free(bed, nights)), None)
