"""Requests about shelters."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.shelter.schemas.examples import FACILITY_EXAMPLE, example_of
from shared.codes import AgencyId, RegencyCode, RoomType
from shared.http.bodies import Body, PublicLine

TimeZone = Literal["Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura"]


class PutRoom(Body):
    """A room and how many beds stand in it."""

    name: PublicLine
    type: RoomType
    beds: Annotated[int, Field(ge=1, le=500)]


class PutFacility(Body):
    """A shelter with all its rooms: a room that is left out is given up."""

    model_config = example_of(FACILITY_EXAMPLE)

    name: PublicLine
    agency: AgencyId
    regency: RegencyCode
    time_zone: TimeZone
    rooms: Annotated[list[PutRoom], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _each_room_once(self) -> "PutFacility":
        if len({room.name for room in self.rooms}) != len(self.rooms):
            raise ValueError("a room stands twice")
        return self
