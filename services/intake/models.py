"""Intake's tables. Identity stands in `identities` alone, sealed; the other tables hold age band, sex and regency."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.database.models import own_metadata
from shared.database.types import UtcTime

METADATA = own_metadata()


class IntakeTable(SQLModel, registry=registry(metadata=METADATA)):
    """Base of intake's tables."""


class Place(IntakeTable, table=True):
    """An arrival point of ours, or a shelter as its operator told of it."""

    __tablename__ = "places"

    code: str = Field(primary_key=True, max_length=40)
    kind: str = Field(max_length=20)
    name: str = Field(max_length=200)
    agency: str = Field(max_length=32)
    regency: str = Field(max_length=5)
    time_zone: str = Field(max_length=40)
    version: int = 1


class Case(IntakeTable, table=True):
    """One person's way home, from an arrival on."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_arrival_point", "arrival_point", "case_id"),
        Index("ix_cases_facility", "facility", "case_id"),
        Index("ix_cases_manifest", "manifest_id", "row_key", unique=True),
    )

    case_id: str = Field(primary_key=True, max_length=36)
    key_id: str = Field(max_length=36, unique=True)
    registered_at: datetime = Field(sa_type=UtcTime)
    arrival_point: str = Field(max_length=40)
    arrival_agency: str = Field(max_length=32)
    arrival_date: date
    sex: str = Field(max_length=1)
    age_band: str | None = Field(default=None, max_length=6)
    origin_regency: str | None = Field(default=None, max_length=5)
    destination_country: str | None = Field(default=None, max_length=2)
    manifest_id: str | None = Field(default=None, max_length=36)
    row_key: str | None = Field(default=None, max_length=64)
    warnings: list[str] = Field(default_factory=list, sa_type=JSON)
    status: str = Field(default="open", max_length=10)
    outcome: str | None = Field(default=None, max_length=20)
    trafficking_status: str | None = Field(default=None, max_length=40)
    consent_recorded: bool = False
    referral_id: str | None = Field(default=None, max_length=36)
    """The referral that the next three columns tell of."""
    referral_status: str = Field(default="none", max_length=10)
    facility: str | None = Field(default=None, max_length=40)
    facility_agency: str | None = Field(default=None, max_length=32)
    stay_status: str = Field(default="none", max_length=12)
    stay_id: str | None = Field(default=None, max_length=36)
    """The stay that was heard of last; None where it was heard of before stays were noted."""
    return_status: str = Field(default="none", max_length=10)


class Identity(IntakeTable, table=True):
    """Who the person is; each column sealed with the key of the case, bound to case, table and column."""

    __tablename__ = "identities"

    case_id: str = Field(primary_key=True, max_length=36, foreign_key="cases.case_id")
    name: bytes = Field(sa_type=LargeBinary)
    birth_date: bytes | None = Field(default=None, sa_type=LargeBinary)
    nik: bytes | None = Field(default=None, sa_type=LargeBinary)
    document: bytes | None = Field(default=None, sa_type=LargeBinary)
    phone: bytes | None = Field(default=None, sa_type=LargeBinary)
    fingerprint: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Keyed, of a registration under a client's own id: a repeat is known by it also after a correction."""
    version: int = 1


class BlindToken(IntakeTable, table=True):
    """Keyed tokens under which a person who is known already is found."""

    __tablename__ = "blind_tokens"
    __table_args__ = ({"sqlite_with_rowid": False},)

    kind: str = Field(primary_key=True, max_length=10)
    token: bytes = Field(primary_key=True, sa_type=LargeBinary)
    case_id: str = Field(primary_key=True, max_length=36, index=True)


class Screening(IntakeTable, table=True):
    """One screening; the newest of a case holds."""

    __tablename__ = "screenings"

    screening_id: str = Field(primary_key=True, max_length=36)
    case_id: str = Field(max_length=36, index=True)
    occurred_at: datetime = Field(sa_type=UtcTime)
    trafficking_status: str = Field(max_length=40)
    decided_by: str = Field(max_length=40)
    methods_of_control: list[str] = Field(sa_type=JSON)
    types_of_exploitation: list[str] = Field(sa_type=JSON)
    needs: list[str] = Field(sa_type=JSON)
    care_layer: int | None = None
    circumstances: bytes = Field(sa_type=LargeBinary)
    """Sealed: violence, pregnancy, disability, and the officer's note."""


class Consent(IntakeTable, table=True):
    """What holds now between a case and an agency."""

    __tablename__ = "consents"

    case_id: str = Field(primary_key=True, max_length=36)
    agency: str = Field(primary_key=True, max_length=32)
    status: str = Field(max_length=10)
    level: str = Field(max_length=12)
    expires_on: date | None = Field(default=None, index=True)
    given_by: str = Field(max_length=10)
    decided_on: date
    """Day of the decision at the arrival point: what is entered late does not undo what was decided after it."""


class ConsentRecord(IntakeTable, table=True):
    """The proof of a decision (UU 27/2022): who gave it, before whom, in which language. Only ever appended to."""

    __tablename__ = "consent_records"

    record_id: str = Field(primary_key=True, max_length=36)
    case_id: str = Field(max_length=36, index=True)
    occurred_at: datetime = Field(sa_type=UtcTime)
    decisions: list[dict[str, Any]] = Field(sa_type=JSON)
    given_by: str = Field(max_length=10)
    language: str = Field(max_length=8)
    guardian: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Sealed: name and relation."""
    witness: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Sealed: name."""
    recorded_by: str = Field(max_length=256)


class Referral(IntakeTable, table=True):
    """A shelter is asked to take a person in; the shelter answers."""

    __tablename__ = "referrals"
    __table_args__ = (
        Index(
            "one_pending_referral",
            "case_id",
            unique=True,
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
    )

    referral_id: str = Field(primary_key=True, max_length=36)
    case_id: str = Field(max_length=36, index=True)
    facility: str = Field(max_length=40)
    status: str = Field(max_length=10)
    made_at: datetime = Field(sa_type=UtcTime)


class Erasure(IntakeTable, table=True):
    """That somebody asked for a person to be erased, and what came of it; it outlives the person's data."""

    __tablename__ = "erasures"

    case_id: str = Field(primary_key=True, max_length=36)
    status: str = Field(max_length=10)
    reason: str | None = Field(default=None, max_length=12)
    """None, as the next three: it was learnt from the bus, after a restore."""
    asked_by: str | None = Field(default=None, max_length=12)
    requested_by: str | None = Field(default=None, max_length=256)
    requested_at: datetime | None = Field(default=None, sa_type=UtcTime)
    decided_by: str | None = Field(default=None, max_length=256)
    decided_at: datetime | None = Field(default=None, sa_type=UtcTime)
    refused_because: str | None = Field(default=None, max_length=20)


class Approval(IntakeTable, table=True):
    """What somebody asked for and a supervisor, another person, decides; it stays with the case."""

    __tablename__ = "approvals"
    __table_args__ = (
        Index(
            "one_request_of_a_kind",
            "case_id",
            "kind",
            unique=True,
            sqlite_where=text("status = 'requested'"),
            postgresql_where=text("status = 'requested'"),
        ),
        Index("ix_approvals_status", "status", "approval_id"),
    )

    approval_id: str = Field(primary_key=True, max_length=36)
    case_id: str = Field(max_length=36, index=True)
    kind: str = Field(max_length=14)
    status: str = Field(default="requested", max_length=10)
    asked: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    """In codes alone; None once the person is erased."""
    occurred_at: datetime = Field(sa_type=UtcTime)
    screening_id: str | None = Field(default=None, max_length=36, unique=True)
    """The screening that asked for it."""
    requested_by: str = Field(max_length=256)
    requested_at: datetime = Field(sa_type=UtcTime)
    decided_by: str | None = Field(default=None, max_length=256)
    decided_at: datetime | None = Field(default=None, sa_type=UtcTime)
    because: str | None = Field(default=None, max_length=20)
    """Why it was rejected, or why it ended without a decision."""
    open_work: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    """What was open when it was approved."""


class LegalHold(IntakeTable, table=True):
    """Legal proceedings need what is known of a person: no erasure until it is lifted (UU 27/2022)."""

    __tablename__ = "legal_holds"

    hold_id: str = Field(primary_key=True, max_length=36)
    case_id: str = Field(max_length=36, index=True)
    reason: str = Field(max_length=20)
    note: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Sealed."""
    set_by: str = Field(max_length=256)
    set_at: datetime = Field(sa_type=UtcTime)
    lifted_because: str | None = Field(default=None, max_length=20)
    lifting_note: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Sealed."""
    lifted_by: str | None = Field(default=None, max_length=256)
    lifted_at: datetime | None = Field(default=None, sa_type=UtcTime)


class Manifest(IntakeTable, table=True):
    """The list of people who arrive together."""

    __tablename__ = "manifests"

    manifest_id: str = Field(primary_key=True, max_length=36)
    arrival_point: str = Field(max_length=40, index=True)
    arrival_agency: str = Field(max_length=32)
    arrival_date: date
    status: str = Field(default="received", max_length=12)


class ManifestRow(IntakeTable, table=True):
    """What became of a row that was not registered: kept, sealed with a key of its own, until an officer mends it."""

    __tablename__ = "manifest_rows"
    __table_args__ = (Index("ix_manifest_rows_known_case", "known_case"),)

    manifest_id: str = Field(primary_key=True, max_length=36)
    row_key: str = Field(primary_key=True, max_length=64)
    status: str = Field(max_length=12)
    faults: list[dict[str, str]] = Field(sa_type=JSON)
    known_case: str | None = Field(default=None, max_length=36)
    key_id: str = Field(max_length=36)
    staged: bytes = Field(sa_type=LargeBinary)


class Trip(IntakeTable, table=True):
    """A journey home of one or many people."""

    __tablename__ = "trips"

    trip_id: str = Field(primary_key=True, max_length=36)
    mode: str = Field(max_length=10)
    from_facility: str = Field(max_length=40, index=True)
    facility_agency: str = Field(max_length=32)
    departs_on: date
    departed_at: datetime | None = Field(default=None, sa_type=UtcTime)


class Seat(IntakeTable, table=True):
    """One person on a trip."""

    __tablename__ = "seats"
    __table_args__ = (
        Index(
            "one_open_seat",
            "case_id",
            unique=True,
            sqlite_where=text("status IN ('planned', 'departed')"),
            postgresql_where=text("status IN ('planned', 'departed')"),
        ),
    )

    trip_id: str = Field(primary_key=True, max_length=36)
    case_id: str = Field(primary_key=True, max_length=36, index=True)
    regency: str = Field(max_length=5)
    status: str = Field(default="planned", max_length=10)
