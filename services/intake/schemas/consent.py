"""Consent."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from shared.codes import (
    AgencyId,
    ConsentLevel,
    ConsentStatus,
    GivenBy,
)
from shared.http.bodies import Body, Id, Line, View
from shared.times import OccurredAt, SensibleDate

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]


class Decision(Body):
    """What the person decided about one agency. Refused and withdrawn mean level `none`."""

    agency: AgencyId
    status: ConsentStatus = "given"
    level: ConsentLevel
    expires_on: SensibleDate | None = None

    @model_validator(mode="after")
    def _level_fits(self) -> "Decision":
        if (self.status == "given") == (self.level == "none"):
            raise ValueError("a consent that is given has the level pseudonymous or identified, any other has none")
        if self.status != "given" and self.expires_on is not None:
            raise ValueError("only a consent that is given expires")
        return self


class Guardian(Body):
    """Who decides for a minor; sealed."""

    name: Line
    relation: Line


class RecordConsent(Body):
    """The person's (or guardian's) decisions, all of one conversation."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "decisions": [
                        {"agency": "kemensos", "level": "identified"},
                        {"agency": "iom", "level": "pseudonymous"},
                    ],
                    "given_by": "person",
                    "witness": "Contoh Saksi",
                    "language": "id",
                    "occurred_at": "2026-11-03",
                }
            ]
        }
    )

    id: Id | None = None
    """The client's own UUID for the conversation, so that a repeat is recognised."""
    decisions: Annotated[list[Decision], Field(min_length=1, max_length=50)]
    given_by: GivenBy
    guardian: Guardian | None = None
    witness: Line | None = None
    language: Language = "id"
    occurred_at: OccurredAt

    @model_validator(mode="after")
    def _each_agency_once(self) -> "RecordConsent":
        agencies = [decision.agency for decision in self.decisions]
        if len(set(agencies)) != len(agencies):
            raise ValueError("an agency stands twice in the decisions")
        if (self.given_by == "guardian") != (self.guardian is not None):
            raise ValueError("guardian is needed where, and only where, given_by is guardian")
        return self


class ConsentView(View):
    """What holds after the decision."""

    case_id: str
    agencies: dict[str, str]
    """Level by agency."""
