"""Registering a person, and who they are."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, StringConstraints

from shared.codes import (
    CountryCode,
    RegencyCode,
    Sex,
)
from shared.http.bodies import Body, Id, Line, PlaceCode, View
from shared.times import SensibleDate

Purpose = Literal["registration", "handover", "shelter_care", "health", "legal", "return", "family_tracing"]


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


class CaseRegisteredView(View):
    """The new case. It holds nothing of the person's identity."""

    case_id: str
    age_band: str | None = None
    warnings: list[str] = []


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
