"""One case as the indicators see it, and what it adds to the counts. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import orjson

from services.exchange.timeline import KIT
from shared.events.aid import AidIssued
from shared.events.fact import Fact
from shared.events.intake import (
    CaseClosed,
    CaseErased,
    CaseIdentified,
    CaseRegistered,
    CaseReopened,
    CaseScreened,
    ConsentChanged,
)
from shared.events.psychosocial import SessionRecorded
from shared.events.shelter import StayCheckedIn, StayCheckedOut

ERASED = CaseErased.TYPE
GONE_HOME = "return_home"
UNKNOWN = "unknown"
NO_PLACE = ""

DIMENSIONS = ("sex", "age_band", "trafficking_status", "case_status")
AGENCY = "agency"
"""A dimension of its own: of arrivals, to whom the identity is open."""
IDENTIFIED = "identified"

Counts = Counter[tuple[str, str, str, str, str]]
"""By dimension, measure, day (ISO), place and value: as the rows of `day_counts` are keyed."""
Counted = tuple[str, str, str, int]
"""A measure, the day, the place, and how much."""


@dataclass(slots=True)
class Case:
    """What was told of a case that is counted. Days are ISO dates; nothing of it says who the person is.

    Things that are told once each stand under their ids, so that an event tells the same however often it comes.
    """

    recorded_on: str | None = None
    arrival: list[str] | None = None
    """Place and day; None until the registration was heard."""
    sex: str = UNKNOWN
    age_band: str = UNKNOWN
    trafficking_status: str = UNKNOWN
    case_status: str = "open"
    stays: dict[str, list[str | None]] = field(default_factory=dict)
    """Shelter, first night, the morning after the last, reason."""
    issues: dict[str, list[Any]] = field(default_factory=dict)
    """Store, item, quantity, day."""
    sessions: dict[str, str] = field(default_factory=dict)
    consents: dict[str, str] = field(default_factory=dict)
    """Level by agency."""
    erased: bool = False
    stage: str | None = None
    """Of an erased case: how it stood at the last."""

    @classmethod
    def from_bytes(cls, told: bytes) -> "Case":
        return cls(**orjson.loads(told))

    def to_bytes(self) -> bytes:
        """Without what was not told."""
        return orjson.dumps({name: value for name in _NAMES if (value := getattr(self, name)) != getattr(_NEW, name)})

    def hear(self, fact: Fact, recorded_on: str) -> None:
        """One fact more. Of an erased case only the end of a stay is still heard: the bed is free."""
        if self.erased and not isinstance(fact, StayCheckedOut):
            return
        match fact:
            case CaseRegistered():
                self.arrival = [fact.arrival_point, fact.arrival_date.isoformat()]
                self.recorded_on = recorded_on
                self.sex = fact.sex
                self.age_band = fact.age_band or UNKNOWN
            case CaseScreened() | CaseIdentified():
                self.trafficking_status = fact.trafficking_status
            case ConsentChanged():
                self.consents |= {decision.agency: decision.level for decision in fact.decisions}
            case CaseClosed():
                self.case_status = "closed"
            case CaseReopened():
                self.case_status = "reopened"
            case StayCheckedIn():
                self.stays[fact.stay] = [fact.facility, fact.on.isoformat(), None, None]
            case StayCheckedOut():
                if (stay := self.stays.get(fact.stay)) is not None:
                    stay[2:] = [fact.on.isoformat(), fact.reason]
            case AidIssued():
                self.issues[fact.issue] = [fact.store, fact.item, fact.quantity, fact.on.isoformat()]
            case SessionRecorded():
                self.sessions[fact.session] = fact.on.isoformat()

    @property
    def in_shelter(self) -> bool:
        return any(until is None for _, _, until, _ in self.stays.values())

    def way(self) -> str:
        """Where the person is by now: `home`, in a `shelter`, or `elsewhere`."""
        if self.stage is not None:
            return self.stage
        if self.in_shelter:
            return "shelter"
        return "home" if any(reason == GONE_HOME for *_, reason in self.stays.values()) else "elsewhere"

    def without_its_way(self) -> "Case":
        """What may be kept of an erased case: what a table of its month counts. No thing done, no day but one."""
        kept = replace(self, stays={}, issues={}, sessions={}, consents={}, erased=True)
        kept.stage = self.way()
        return kept


_NEW = Case()
_NAMES = tuple(one.name for one in fields(Case))


def counts_of(case: Case) -> Counts:
    """What the case adds to the counts by day."""
    counts: Counts = Counter()
    values = [(dimension, getattr(case, dimension)) for dimension in DIMENSIONS]
    for measure, day, place, number in _counted(case):
        for dimension, value in values:
            counts[dimension, measure, day, place, value] += number
    if case.arrival is not None:
        place, day = case.arrival
        for agency, level in case.consents.items():
            if level == IDENTIFIED:
                counts[AGENCY, IDENTIFIED, day, place, agency] += 1
    return counts


def changes(before: Counts, after: Counts) -> Mapping[tuple[str, str, str, str, str], int]:
    """What has to be added to have the one instead of the other."""
    moved = Counter(after)
    moved.subtract(before)
    return {key: number for key, number in moved.items() if number}


def _counted(case: Case) -> Iterator[Counted]:
    if case.arrival is not None:
        place, day = case.arrival
        yield "arrivals", day, place, 1
    for facility, since, until, reason in case.stays.values():
        yield "check_ins", str(since), str(facility), 1
        if until is not None:
            yield "check_outs", until, str(facility), 1
            if reason == GONE_HOME:
                yield "sent_home", until, str(facility), 1
    for store, item, quantity, day in case.issues.values():
        yield "items_issued", day, store, quantity
        if item == KIT:
            yield "hygiene_kits_issued", day, store, quantity
    for day in case.sessions.values():
        yield "sessions", day, _shelter_on(case, day), 1


def _shelter_on(case: Case, day: str) -> str:
    """Where the person was on that day, until the evening of the check-out; sessions are told without a place."""
    there = [
        (since, facility)
        for facility, since, until, _ in case.stays.values()
        if str(since) <= day and (until is None or day <= until)
    ]
    return str(max(there)[1]) if there else NO_PLACE
