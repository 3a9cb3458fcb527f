"""Shelter's tables. Of the person: sex, age band and coded needs, nothing else. There is no free text here."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, Index, UniqueConstraint, false
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.database.models import own_metadata
from shared.database.types import UtcTime

METADATA = own_metadata()


class ShelterTable(SQLModel, registry=registry(metadata=METADATA)):
    """Base of shelter's tables."""


class Facility(ShelterTable, table=True):
    """A shelter. Its row is the lock under which the beds of the shelter are given out."""

    __tablename__ = "facilities"

    code: str = Field(primary_key=True, max_length=40)
    name: str = Field(max_length=200)
    agency: str = Field(max_length=32, index=True)
    regency: str = Field(max_length=5)
    time_zone: str = Field(max_length=40)
    version: int = 1


class Room(ShelterTable, table=True):
    """A room; `position` is its place in the shelter's own order, in which beds are given out."""

    __tablename__ = "rooms"
    __table_args__ = (UniqueConstraint("facility", "name"),)

    room_id: str = Field(primary_key=True, max_length=36)
    facility: str = Field(max_length=40, foreign_key="facilities.code")
    name: str = Field(max_length=200)
    room_type: str = Field(max_length=10)
    position: int


class Bed(ShelterTable, table=True):
    """A bed. One that is taken away stays as a row, for the nights that were slept in it."""

    __tablename__ = "beds"
    __table_args__ = (UniqueConstraint("room_id", "number"), Index("ix_beds_facility", "facility"))

    bed_id: str = Field(primary_key=True, max_length=36)
    room_id: str = Field(max_length=36, foreign_key="rooms.room_id")
    facility: str = Field(max_length=40, foreign_key="facilities.code")
    number: int
    retired_on: date | None = None
    """First night on which it is there no more."""


class Case(ShelterTable, table=True):
    """What is known here of a person, as intake told it; its row orders the stays of the person."""

    __tablename__ = "cases"

    case_id: str = Field(primary_key=True, max_length=36)
    sex: str | None = Field(default=None, max_length=1)
    age_band: str | None = Field(default=None, max_length=6)
    needs: list[str] = Field(default_factory=list, sa_type=JSON)
    erased: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """The person was erased: no bed is given to them any more."""


class Referral(ShelterTable, table=True):
    """A shelter is asked to take a person in; the answer is the shelter's."""

    __tablename__ = "referrals"
    __table_args__ = (Index("ix_referrals_case", "case_id"), Index("ix_referrals_facility", "facility", "referral_id"))

    referral_id: str = Field(primary_key=True, max_length=36)
    case_id: str = Field(max_length=36)
    facility: str = Field(max_length=40)
    status: str = Field(max_length=10)
    made_at: datetime = Field(sa_type=UtcTime)
    reason: str | None = Field(default=None, max_length=20)
    """Why it was rejected."""


class Stay(ShelterTable, table=True):
    """A person in a shelter, or a bed held for one; dates are local and half open, no end means open."""

    __tablename__ = "stays"
    __table_args__ = (
        Index("ix_stays_case", "case_id"),
        Index("ix_stays_facility", "facility", "stay_id"),
        CheckConstraint("until_date IS NULL OR until_date > from_date", name="a_night_at_least"),
    )

    stay_id: str = Field(primary_key=True, max_length=36)
    case_id: str = Field(max_length=36)
    facility: str = Field(max_length=40, foreign_key="facilities.code")
    status: str = Field(max_length=12)
    from_date: date
    until_date: date | None = None
    reason: str | None = Field(default=None, max_length=12)
    """Why the person left."""


class Segment(ShelterTable, table=True):
    """The nights of a stay in one bed. Two of one bed, or of one person, never overlap: migration 0002 sees to it."""

    __tablename__ = "segments"
    __table_args__ = (
        Index("ix_segments_bed", "bed_id", "from_date"),
        Index("ix_segments_case", "case_id", "from_date"),
        Index("ix_segments_stay", "stay_id"),
        Index("ix_segments_facility", "facility", "until_date"),
        CheckConstraint("until_date IS NULL OR until_date > from_date", name="a_night_at_least"),
    )

    segment_id: str = Field(primary_key=True, max_length=36)
    stay_id: str = Field(max_length=36, foreign_key="stays.stay_id")
    case_id: str = Field(max_length=36)
    bed_id: str = Field(max_length=36, foreign_key="beds.bed_id")
    facility: str = Field(max_length=40)
    from_date: date
    until_date: date | None = None
