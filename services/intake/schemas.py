"""Requests and answers of intake."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from shared.codes import (
    AgencyId,
    ClosureOutcome,
    ConsentLevel,
    ConsentStatus,
    CountryCode,
    GivenBy,
    IascLayer,
    MethodOfControl,
    Need,
    RegencyCode,
    Sex,
    StatusDecidedBy,
    TraffickingStatus,
    TypeOfExploitation,
)
from shared.events.intake import TransportMode
from shared.http.bodies import Body, Id, Key, Line, PlaceCode, Prose, View
from shared.times import OccurredAt, SensibleDate

Purpose = Literal["registration", "handover", "shelter_care", "health", "legal", "return", "family_tracing"]
RowStatus = Literal["registered", "duplicate", "unreadable"]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]

PERSON_EXAMPLE: dict[str, Any] = {
    "name": "Contoh Nama",
    "sex": "F",
    "birth_date": "1990-05-17",
    "nik": "3507125705900003",
    "document": {"type": "SPLP", "number": "XD000001"},
    "origin_regency": "35.07",
    "destination_country": "MY",
}


class TravelDocument(Body):
    """Type apart from number. SPLP is the travel document that a consulate issues."""

    type: Literal["SPLP", "passport", "none"]
    number: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 ./-]{0,20}$")] | None = None


class Person(Body):
    """A person as they arrive. What is not known is left out."""

    name: Line
    sex: Sex
    birth_date: SensibleDate | None = None
    nik: Annotated[str, StringConstraints(max_length=40, strip_whitespace=True)] | None = None
    document: TravelDocument | None = None
    origin_regency: RegencyCode | None = None
    destination_country: CountryCode | None = None
    phone: Annotated[str, StringConstraints(pattern=r"^[0-9+() .-]{3,30}$")] | None = None
    register_anyway: bool = False
    """An officer looked, and this is not the known person that it resembles."""


class RegisterCase(Person):
    """A single registration. `id`: the client's own UUID for the case, so that a repeat is recognised."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [PERSON_EXAMPLE | {"arrival_point": "TNJ", "arrival_date": "2026-11-03"}]}
    )

    id: Id | None = None
    arrival_point: PlaceCode
    arrival_date: SensibleDate


class ReceiveManifest(Body):
    """Everyone who came together. A row is a person with a `row_key` of the client's choice.

    Rows are judged one by one: one that cannot be read is kept and told, and its neighbours are registered. The same
    manifest may be sent again, whole or in part: rows that were registered are answered from what is known.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
                    "arrival_point": "TNJ",
                    "arrival_date": "2026-11-03",
                    "rows": [PERSON_EXAMPLE | {"row_key": "1"}],
                }
            ]
        }
    )

    id: Id
    arrival_point: PlaceCode
    arrival_date: SensibleDate
    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=2000)]


class ManifestPerson(Person):
    """One row of a manifest."""

    row_key: Key


class FaultView(View):
    """What is wrong with a row."""

    detail: str
    pointer: str | None = None


class RowResult(View):
    """What became of a row. `warnings` are codes of what a person should look at."""

    row_key: str | None
    status: RowStatus
    case_id: str | None = None
    warnings: list[str] = []
    errors: list[FaultView] = []


class ManifestResult(View):
    """A result per row, in the order of the request."""

    id: str
    rows: list[RowResult]
    registered: int
    duplicates: int
    unreadable: int


class CaseRegisteredView(View):
    """The new case. It holds nothing of the person's identity."""

    case_id: str
    age_band: str | None = None
    warnings: list[str] = []


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

    trafficking_status: TraffickingStatus
    decided_by: StatusDecidedBy = StatusDecidedBy.GOVERNMENT
    methods_of_control: list[MethodOfControl] = []
    types_of_exploitation: list[TypeOfExploitation] = []
    gender_based_violence: bool | None = None
    pregnant: bool | None = None
    disability: bool | None = None
    needs: list[Need] = []
    care_layer: IascLayer | None = None
    note: Prose | None = None
    occurred_at: OccurredAt


class ScreeningView(View):
    """A screening as it stands."""

    screening_id: str
    case_id: str
    trafficking_status: str


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


class MakeReferrals(Body):
    """Ask a shelter to take people in: all of them, or none is referred."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "facility": "RPTC-TANJUNG-PINANG",
                    "cases": ["0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"],
                    "occurred_at": "2026-11-03",
                }
            ]
        }
    )

    facility: PlaceCode
    cases: Annotated[list[Id], Field(min_length=1, max_length=500)]
    occurred_at: OccurredAt


class RevokeReferral(Body):
    """Take a referral back that has no answer yet."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"occurred_at": "2026-11-03"}]})

    occurred_at: OccurredAt


class ReferralView(View):
    """A referral as intake knows it."""

    referral_id: str
    case_id: str
    facility: str
    status: str


class Referrals(View):
    """One referral per case, in the order of the request."""

    referrals: list[ReferralView]


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


class IdentityView(View):
    """Who the person is. Never stored in an answer, never in an event."""

    case_id: str
    name: str
    birth_date: date | None = None
    nik: str | None = None
    document: TravelDocument | None = None
    phone: str | None = None


class CorrectIdentity(Body):
    """The whole identity as it should be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Contoh Nama", "birth_date": "1990-05-18", "document": {"type": "SPLP", "number": "XD000001"}}
            ]
        }
    )

    name: Line
    birth_date: SensibleDate | None = None
    nik: Annotated[str, StringConstraints(max_length=40, strip_whitespace=True)] | None = None
    document: TravelDocument | None = None
    phone: Annotated[str, StringConstraints(pattern=r"^[0-9+() .-]{3,30}$")] | None = None


class PutArrivalPoint(Body):
    """A place where people arrive, and the agency that runs its post."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Pelabuhan Sri Bintan Pura, Tanjung Pinang",
                    "agency": "bp2mi",
                    "regency": "21.72",
                    "time_zone": "Asia/Jakarta",
                }
            ]
        }
    )

    name: Line
    agency: AgencyId
    regency: RegencyCode
    time_zone: Literal["Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura"]


class PlaceView(View):
    """A place that intake knows."""

    code: str
    kind: str
    name: str
    agency: str
    regency: str
    time_zone: str


class Figures(View):
    """Intake's own figures, counted from its tables."""

    cases: int
    by_trafficking_status: dict[str, int]
    by_arrival_point: dict[str, int]
    by_sex: dict[str, int]
    identity_consent: dict[str, int]
    """People at level `identified`, by agency."""
