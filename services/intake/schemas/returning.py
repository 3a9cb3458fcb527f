"""The journey home."""

from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field

from shared.codes import (
    RegencyCode,
)
from shared.events.intake import TransportMode
from shared.http.bodies import Body, Id, PlaceCode, View
from shared.times import OccurredAt, SensibleDate


class PlanSeat(Body):
    """One person and the regency whose social office (Dinas Sosial) takes them in."""

    case_id: Id
    regency: RegencyCode


class PlanTrip(Body):
    """A journey home. `id` is the client's own UUID, so that a repeat is recognised."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b11",
                    "mode": "ship",
                    "from_facility": "RPTC-TANJUNG-PINANG",
                    "departs_on": "2026-11-08",
                    "people": [{"case_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10", "regency": "35.07"}],
                }
            ]
        }
    )

    id: Id
    mode: TransportMode
    from_facility: PlaceCode
    departs_on: SensibleDate
    people: Annotated[list[PlanSeat], Field(min_length=1, max_length=1000)]
    occurred_at: OccurredAt | None = None


class DepartTrip(Body):
    """Everyone on the trip who has not left leaves."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"occurred_at": "2026-11-08"}]})

    occurred_at: OccurredAt


class ArriveTrip(Body):
    """Handed over at home; `cases` names who, everyone still on the way where it is left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"occurred_at": "2026-11-10"}]})

    cases: Annotated[list[Id], Field(min_length=1, max_length=1000)] | None = None
    occurred_at: OccurredAt


class SeatView(View):
    """One person on a trip."""

    case_id: str
    regency: str
    status: str


class TripView(View):
    """A trip with its people."""

    trip_id: str
    mode: str
    from_facility: str
    departs_on: date
    status: str
    people: list[SeatView]
