"""What intake tells: the case from its registration to its closure."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.codes import (
    AgeBand,
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
from shared.events.fact import OPERATIONS, Fact, Mark, PlaceId

TransportMode = Literal["ship", "bus", "plane", "train", "other"]


class CaseRegistered(Fact):
    """A person arrived and was registered."""

    TYPE: ClassVar[str] = "pulang.case.registered.v1"

    arrival_point: PlaceId
    arrival_date: date
    sex: Sex
    age_band: AgeBand | None = None
    origin_regency: RegencyCode | None = None
    destination_country: CountryCode | None = None
    manifest: str | None = None


class CaseScreened(Fact):
    """The officer's finding, in HTCDS codes. Told again when the finding changes: the last one holds."""

    TYPE: ClassVar[str] = "pulang.case.screened.v1"

    trafficking_status: TraffickingStatus
    decided_by: StatusDecidedBy
    methods_of_control: tuple[MethodOfControl, ...] = ()
    types_of_exploitation: tuple[TypeOfExploitation, ...] = ()
    needs: Annotated[tuple[Need, ...], Mark.INTERNAL] = ()
    care_layer: Annotated[IascLayer | None, Mark.INTERNAL] = None


class CaseIdentified(Fact):
    """The person was identified as a victim of trafficking, and by whom, in HTCDS codes: one proposed it, a supervisor
    approved. Of this and `case.screened` the newest holds."""

    TYPE: ClassVar[str] = "pulang.case.identified.v1"

    trafficking_status: TraffickingStatus
    decided_by: StatusDecidedBy
    methods_of_control: tuple[MethodOfControl, ...] = ()
    types_of_exploitation: tuple[TypeOfExploitation, ...] = ()


class ConsentDecision(BaseModel):
    """What the person decided about one agency."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    agency: AgencyId
    status: ConsentStatus
    level: ConsentLevel
    expires_on: date | None = None
    """First day on which the consent no longer holds, local to the arrival point."""


class ConsentChanged(Fact):
    """The person (or a guardian) decided which agencies may follow the case, and how far.

    One event may hold decisions about several agencies: each agency sees its own alone. `deletion_requested` is set
    by `disclose` on the copy that ends a grant, or that lowers `identified` to `pseudonymous`.
    """

    TYPE: ClassVar[str] = "pulang.case.consent_changed.v1"

    decisions: Annotated[tuple[ConsentDecision, ...], Mark.PER_AGENCY]
    given_by: GivenBy
    deletion_requested: Literal["case", "identity"] | None = None


class CaseClosed(Fact):
    """Nothing more is planned for the person here."""

    TYPE: ClassVar[str] = "pulang.case.closed.v1"

    outcome: ClosureOutcome


class CaseReopened(Fact):
    """A closed case goes on."""

    TYPE: ClassVar[str] = "pulang.case.reopened.v1"


class CaseErased(Fact):
    """The person was erased: nothing that could lead to them is kept, and whoever had anything of the case deletes it.

    The last fact of a case. It stands outside of grants: every agency that ever had one is told.
    """

    TYPE: ClassVar[str] = "pulang.case.erased.v1"


class ReferralMade(Fact):
    """A shelter is asked to take the person in."""

    TYPE: ClassVar[str] = "pulang.referral.made.v1"

    referral: str
    facility: PlaceId
    service: Literal["SocialCare"] = "SocialCare"
    """HTCDS service type."""


class ReferralRevoked(Fact):
    """The asking side takes the referral back before an answer."""

    TYPE: ClassVar[str] = "pulang.referral.revoked.v1"

    referral: str
    facility: PlaceId


class ReturnPlanned(Fact):
    """A seat on a trip home."""

    TYPE: ClassVar[str] = "pulang.return.planned.v1"

    trip: str
    mode: TransportMode
    from_facility: PlaceId
    regency: RegencyCode
    departs_on: date


class ReturnDeparted(Fact):
    """On the way."""

    TYPE: ClassVar[str] = "pulang.return.departed.v1"

    trip: str


class ReturnArrived(Fact):
    """Handed over to the social office (Dinas Sosial) of the home regency."""

    TYPE: ClassVar[str] = "pulang.return.arrived.v1"

    trip: str
    regency: RegencyCode


class ManifestReceived(Fact):
    """An arrival manifest reached the post. Subject: the manifest."""

    TYPE: ClassVar[str] = "pulang.manifest.received.v1"
    TOPIC: ClassVar[str] = OPERATIONS

    arrival_point: PlaceId
    arrival_date: date
    rows: int = Field(ge=0)


class ManifestReconciled(Fact):
    """Every row of the manifest has its answer. Subject: the manifest."""

    TYPE: ClassVar[str] = "pulang.manifest.reconciled.v1"
    TOPIC: ClassVar[str] = OPERATIONS

    arrival_point: PlaceId
    registered: int = Field(ge=0)
    duplicates: int = Field(ge=0)
    unreadable: int = Field(ge=0)
