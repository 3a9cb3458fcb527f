"""Cases: screening, closure, and how they are shown."""

from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field

from shared.codes import (
    ClosureOutcome,
    IascLayer,
    MethodOfControl,
    Need,
    StatusDecidedBy,
    TraffickingStatus,
    TypeOfExploitation,
)
from shared.http.bodies import Body, Id, Prose, View
from shared.times import OccurredAt


class ScreenCase(Body):
    """The officer's finding. Circumstances and note are sealed and never leave intake."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "trafficking_status": "PossibleVictimOfTrafficking",
                    "decided_by": "NonPoliceGovernmentalOrganization",
                    "methods_of_control": ["WithholdsDocuments"],
                    "types_of_exploitation": ["ForcedLabour"],
                    "needs": ["isolation"],
                    "care_layer": 2,
                    "occurred_at": "2026-11-03",
                }
            ]
        }
    )

    id: Id | None = None
    """The client's own UUID for the screening, so that a repeat is recognised."""
    trafficking_status: TraffickingStatus
    decided_by: StatusDecidedBy = StatusDecidedBy.GOVERNMENT
    methods_of_control: Annotated[list[MethodOfControl], Field(max_length=50)] = []
    types_of_exploitation: Annotated[list[TypeOfExploitation], Field(max_length=50)] = []
    gender_based_violence: bool | None = None
    pregnant: bool | None = None
    disability: bool | None = None
    needs: Annotated[list[Need], Field(max_length=50)] = []
    care_layer: IascLayer | None = None
    note: Prose | None = None
    occurred_at: OccurredAt


class ScreeningView(View):
    """A screening as it stands."""

    screening_id: str
    case_id: str
    trafficking_status: str
    """What is told of it: that somebody is a victim is told as possible until a supervisor has approved it."""
    approval: str | None = None
    """The id under which that waits for a supervisor."""


class CloseCases(Body):
    """Close cases with one outcome: all of them, or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "outcome": "returned",
                    "cases": ["0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"],
                    "occurred_at": "2026-11-10",
                }
            ]
        }
    )

    outcome: ClosureOutcome
    cases: Annotated[list[Id], Field(min_length=1, max_length=500)]
    occurred_at: OccurredAt


class ReopenCase(Body):
    """A closed case goes on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"occurred_at": "2026-12-01"}]})

    occurred_at: OccurredAt


class CaseIds(View):
    """The cases that the command was about."""

    cases: list[str]


class CaseView(View):
    """A case without identity."""

    case_id: str
    status: str
    htcds_status: str
    """HTCDS `cas_Status`."""
    phase: str
    outcome: str | None = None
    arrival_point: str
    arrival_date: date
    sex: str
    age_band: str | None = None
    origin_regency: str | None = None
    destination_country: str | None = None
    manifest: str | None = None
    row_key: str | None = None
    warnings: list[str] = []
    trafficking_status: str | None = None
    consent_recorded: bool
    referral_status: str
    facility: str | None = None
    stay_status: str
    return_status: str


class Figures(View):
    """Intake's own figures, counted from its tables."""

    cases: int
    by_trafficking_status: dict[str, int]
    by_arrival_point: dict[str, int]
    by_sex: dict[str, int]
    identity_consent: dict[str, int]
    """People at level `identified`, by agency."""
