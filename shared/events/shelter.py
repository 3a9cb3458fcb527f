"""What shelter tells: the answer to a referral, the stay, and how full a shelter is."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from shared.codes import RoomType
from shared.events.fact import OPERATIONS, Fact, PlaceId

RejectionReason = Literal["full", "no_suitable_room", "not_eligible", "other"]
CheckOutReason = Literal["return_home", "transferred", "left", "deceased"]


class ReferralAccepted(Fact):
    """The shelter takes the person in: custody passes to its operator."""

    TYPE: ClassVar[str] = "pulang.referral.accepted.v1"

    referral: str
    facility: PlaceId


class ReferralRejected(Fact):
    """The shelter cannot take the person in."""

    TYPE: ClassVar[str] = "pulang.referral.rejected.v1"

    referral: str
    facility: PlaceId
    reason: RejectionReason


class StayPlanned(Fact):
    """A bed is held. Dates are local to the shelter; the range is half open, no end means open."""

    TYPE: ClassVar[str] = "pulang.stay.planned.v1"

    stay: str
    facility: PlaceId
    room_type: RoomType
    from_date: date
    until_date: date | None = None


class StayCheckedIn(Fact):
    """The person sleeps here from this night on."""

    TYPE: ClassVar[str] = "pulang.stay.checked_in.v1"

    stay: str
    facility: PlaceId
    room_type: RoomType
    on: date


class StayMoved(Fact):
    """Another bed from this night on."""

    TYPE: ClassVar[str] = "pulang.stay.moved.v1"

    stay: str
    facility: PlaceId
    room_type: RoomType
    on: date


class StayCheckedOut(Fact):
    """The bed is free on this night."""

    TYPE: ClassVar[str] = "pulang.stay.checked_out.v1"

    stay: str
    facility: PlaceId
    on: date
    reason: CheckOutReason


class StayNoShow(Fact):
    """The person for whom a bed was held did not come; the bed is free again."""

    TYPE: ClassVar[str] = "pulang.stay.no_show.v1"

    stay: str
    facility: PlaceId


class StayCancelled(Fact):
    """A bed that was held is needed no more; it is free again."""

    TYPE: ClassVar[str] = "pulang.stay.cancelled.v1"

    stay: str
    facility: PlaceId


class OccupancyChanged(Fact):
    """Beds taken on the night of `on`. Subject: the facility."""

    TYPE: ClassVar[str] = "pulang.occupancy.changed.v1"
    TOPIC: ClassVar[str] = OPERATIONS

    facility: PlaceId
    on: date
    beds: int = Field(ge=0)
    taken: int = Field(ge=0)
