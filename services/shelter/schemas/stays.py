"""Requests about stays."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.shelter.schemas.examples import ID_EXAMPLE, example_of
from shared.codes import RoomType
from shared.events.shelter import CheckOutReason
from shared.http.bodies import Body, Id, PlaceCode
from shared.times import OccurredAt, SensibleDate

StayStatus = Literal["planned", "checked_in", "checked_out", "no_show", "cancelled"]


class BedChoice(Body):
    """A room type, of which the first free bed is given; or one bed by its id."""

    room_type: RoomType | None = None
    bed_id: Id | None = None

    @model_validator(mode="after")
    def _not_both(self) -> "BedChoice":
        if self.room_type is not None and self.bed_id is not None:
            raise ValueError("name a room type or a bed, not both")
        return self


class PlanPerson(BedChoice):
    """A bed for one person. `stay_id` is the client's own UUID, so that a repeat is recognised."""

    stay_id: Id | None = None
    case_id: Id
    from_date: SensibleDate
    until_date: SensibleDate | None = None
    """The night that is free again; open where it is left out."""


class PlanStays(Body):
    """Hold beds: for all of the people, or for nobody."""

    model_config = example_of(
        {
            "facility": "RPTC-TANJUNG-PINANG",
            "people": [
                {
                    "stay_id": ID_EXAMPLE,
                    "case_id": ID_EXAMPLE,
                    "room_type": "female",
                    "from_date": "2026-11-05",
                    "until_date": "2026-11-12",
                }
            ],
        }
    )

    facility: PlaceCode
    people: Annotated[list[PlanPerson], Field(min_length=1, max_length=500)]


class Departure(Body):
    """The end of a stay that was over already when it was entered."""

    on: SensibleDate
    reason: CheckOutReason


class CheckInPerson(BedChoice):
    """Who comes, and to which bed. `stay_id`: of the planned stay, or the client's own UUID for a new one.

    A planned stay needs no bed named: it has one. `departure` is for a stay that was over when it was entered.
    """

    case_id: Id
    stay_id: Id | None = None
    departure: Departure | None = None


class CheckIn(Body):
    """People come: all of them are checked in, or nobody is."""

    model_config = example_of(
        {
            "facility": "RPTC-TANJUNG-PINANG",
            "on": "2026-11-03",
            "people": [{"case_id": ID_EXAMPLE, "stay_id": ID_EXAMPLE, "room_type": "female"}],
        }
    )

    facility: PlaceCode
    on: SensibleDate
    """The first night."""
    people: Annotated[list[CheckInPerson], Field(min_length=1, max_length=500)]


class CheckOutPerson(Body):
    """Who leaves, by case or by stay."""

    case_id: Id | None = None
    stay_id: Id | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "CheckOutPerson":
        if self.case_id is None and self.stay_id is None:
            raise ValueError("name a case or a stay")
        return self


class CheckOut(Body):
    """People leave: all of them are checked out, or nobody is."""

    model_config = example_of(
        {
            "facility": "RPTC-TANJUNG-PINANG",
            "on": "2026-11-08",
            "reason": "return_home",
            "people": [{"case_id": ID_EXAMPLE}],
        }
    )

    facility: PlaceCode
    on: SensibleDate
    """The first night that the bed is free."""
    reason: CheckOutReason
    people: Annotated[list[CheckOutPerson], Field(min_length=1, max_length=500)]


class MoveStay(BedChoice):
    """Another bed from the night of `on`."""

    model_config = example_of({"on": "2026-11-05", "room_type": "isolation"})

    on: SensibleDate


class GiveUpPlan(Body):
    """A bed is held no more."""

    model_config = example_of({"occurred_at": "2026-11-05"})

    occurred_at: OccurredAt
