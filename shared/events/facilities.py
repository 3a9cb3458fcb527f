"""Places. Published by intake for its arrival points and by shelter for its shelters."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.codes import AgencyId, RegencyCode, RoomType
from shared.events.fact import OPERATIONS, Fact, PlaceId


class RoomSummary(BaseModel):
    """Beds of one room, as they are told to others: rooms have no names outside their shelter."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    room_type: RoomType
    beds: int = Field(ge=1)


class FacilityOpened(Fact):
    """A place takes up its work, or its particulars or rooms changed: the last one told is the valid one."""

    TYPE: ClassVar[str] = "pulang.facility.opened.v1"
    TOPIC: ClassVar[str] = OPERATIONS

    facility: PlaceId
    kind: Literal["arrival_point", "shelter"]
    name: str
    """Public by nature."""
    agency: AgencyId
    """The agency that runs the place."""
    regency: RegencyCode
    time_zone: str
    """IANA name: Asia/Jakarta (WIB), Asia/Makassar (WITA), Asia/Jayapura (WIT)."""
    rooms: tuple[RoomSummary, ...] = ()
