"""A season as a folder holds it."""

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

KIT = "hygiene kit"
"""The item that the column `hygiene_kit` speaks of."""
_SPACE = uuid.UUID("6d1f6c0e-3f0b-5b52-9a53-7d6ad1a1c0de")


@dataclass(frozen=True, slots=True)
class Place:
    """An arrival point."""

    code: str
    name: str
    agency: str
    regency: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Room:
    """A room of a shelter."""

    name: str
    type: str
    beds: int


@dataclass(frozen=True, slots=True)
class Shelter(Place):
    """A shelter with its rooms."""

    rooms: tuple[Room, ...]


@dataclass(frozen=True, slots=True)
class Donation:
    """What a donor gave; it counts from its date on."""

    number: int
    on: date
    donor: str
    agency: str
    item: str
    quantity: int
    store: str


@dataclass(frozen=True, slots=True)
class Person:
    """A row of the caseload. `row`: its number from 1, without the headings."""

    row: int
    arrival_date: date
    arrival_point: str
    name: str = field(repr=False)
    sex: str
    birth_date: date | None = field(repr=False)
    nik: str | None = field(repr=False)
    document_type: Literal["SPLP", "passport"] | None
    document_number: str | None = field(repr=False)
    origin_regency: str | None
    destination_country: str | None
    trafficking_status: str
    methods_of_control: tuple[str, ...]
    types_of_exploitation: tuple[str, ...]
    gender_based_violence: bool
    pregnant: bool
    disability: bool
    health_isolation: bool
    shelter: str
    room_type: str
    check_in: date
    hygiene_kit: bool
    care_layer: int
    sessions: int
    check_out: date | None
    returned_home: date | None
    consents: Mapping[str, bool]
    """By agency: may it know who the person is?"""


@dataclass(frozen=True, slots=True)
class Season:
    """Everything of one season. `expected` is None where the folder says nothing about it."""

    arrival_points: Mapping[str, Place]
    shelters: Mapping[str, Shelter]
    donations: tuple[Donation, ...]
    kits: Mapping[str, tuple[str, ...]]
    people: tuple[Person, ...]
    expected: Mapping[str, Any] | None
    fingerprint: bytes
    """Of the caseload: ids made from it are the same for the same season, and others for any other."""

    @property
    def first_day(self) -> date:
        return self.people[0].arrival_date

    @property
    def last_day(self) -> date:
        """31 December of the year of the first arrival."""
        return date(self.first_day.year, 12, 31)

    def id(self, *of: object) -> str:
        """A UUID for a thing of this season, the same in every replay."""
        return str(uuid.uuid5(_SPACE, "|".join((self.fingerprint.hex(), *map(str, of)))))

    def manifests(self) -> dict[tuple[date, str], list[Person]]:
        """Everyone of one day and arrival point, in order of arrival."""
        found: dict[tuple[date, str], list[Person]] = defaultdict(list)
        for person in self.people:
            found[person.arrival_date, person.arrival_point].append(person)
        return dict(found)


def fingerprint(rows: list[list[str]]) -> bytes:
    """Of the cells, whatever the line ends."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update("\x1f".join(row).encode() + b"\x1e")
    return digest.digest()[:16]
