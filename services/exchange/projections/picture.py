"""Batches into the picture: what is told of a case is put to its row, and the counts by day move by the difference."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter
from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from services.exchange.models import GENERATIONS, CaseFact, DayCount, FacilityFact
from services.exchange.projections.case import ERASED, Case, changes, counts_of
from shared.consuming.projection import Projection
from shared.database.models import table_of
from shared.database.prepared import Prepared, adding, upserting
from shared.events.aid import AidIssued
from shared.events.catalogue import fact_of
from shared.events.envelope import Event
from shared.events.facilities import FacilityOpened
from shared.events.fact import LIFECYCLE, OPERATIONS, Fact
from shared.events.intake import CaseClosed, CaseIdentified, CaseRegistered, CaseReopened, CaseScreened, ConsentChanged
from shared.events.psychosocial import SessionRecorded
from shared.events.shelter import StayCheckedIn, StayCheckedOut
from shared.work import Work

Row = dict[str, Any]

COUNTED = frozenset(
    fact.TYPE
    for fact in (
        CaseRegistered,
        CaseScreened,
        CaseIdentified,
        ConsentChanged,
        CaseClosed,
        CaseReopened,
        StayCheckedIn,
        StayCheckedOut,
        AidIssued,
        SessionRecorded,
    )
)

_CASE = table_of(CaseFact)
_DAY = table_of(DayCount)
_FACILITY = table_of(FacilityFact)
_OURS = _CASE.c.generation == bindparam("of_generation")
_KNOWN = Prepared(
    select(_CASE.c.case_id, _CASE.c.told)
    .where(_OURS, _CASE.c.case_id.in_(bindparam("of_cases", expanding=True)))
    # In one order, so that replicas wait for each other in a line.
    .order_by(_CASE.c.case_id)
    .with_for_update()
)
_NEW_CASE = Prepared(insert(_CASE))
"""Another replica may have made the row since it was looked for: then this work is refused, and runs again."""
_PUT_CASE = upserting(_CASE, ("generation", "case_id"), ("arrival_date", "recorded_on", "told"))
_PUT_FACILITY = upserting(_FACILITY, ("generation", "facility"), ("kind", "beds"))
_COUNT_KEY = ("generation", "dimension", "measure", "value", "day", "place")
_COUNT = adding(_DAY, _COUNT_KEY, "number")


@dataclass(slots=True)
class Told:
    """What a batch tells that is counted: of each case in the order of the batch, of each place the last."""

    cases: dict[str, list[tuple[Fact | None, str]]] = field(default_factory=dict)
    """Facts with the days on which they were entered (UTC, ISO); None is the erasure."""
    facilities: dict[str, Row] = field(default_factory=dict)


def project(events: Iterable[Event]) -> Told:
    """Read a batch. Raises pydantic.ValidationError for data that is not of its schema."""
    told = Told()
    for event in events:
        if event.type in COUNTED:
            told.cases.setdefault(event.subject, []).append((fact_of(event), event.recordedtime[:10]))
        elif event.type == ERASED:
            told.cases.setdefault(event.subject, []).append((None, event.recordedtime[:10]))
        elif event.type == FacilityOpened.TYPE:
            place = FacilityOpened.model_validate(event.data or {})
            told.facilities[place.facility] = {
                "facility": place.facility,
                "kind": place.kind,
                "beds": sum(room.beds for room in place.rooms),
            }
    return told


def write(session: Session, told: Told, generation: int) -> None:
    """Add a batch to a generation of the picture, set-based."""
    if told.facilities:
        _PUT_FACILITY.write(session, [{"generation": generation} | told.facilities[f] for f in sorted(told.facilities)])
    if not told.cases:
        return
    moved: Counter[tuple[str, str, str, str, str]] = Counter()
    rows: dict[str, Case] = {}
    known = _known(session, generation, told.cases)
    for case_id in sorted(told.cases):
        case = known.get(case_id) or Case()
        before = counts_of(case)
        for fact, recorded_on in told.cases[case_id]:
            if fact is None:
                case.erased, case.consents = True, {}  # to nobody is an identity open that is no more
            else:
                case.hear(fact, recorded_on)
        moved.update(changes(before, counts_of(case)))
        if case.erased and not case.in_shelter:
            rows |= _parted(case_id, case)
        else:
            rows[case_id] = case
    new = [case_id for case_id in sorted(rows) if case_id not in known]
    _NEW_CASE.write(session, [_row(generation, case_id, rows[case_id]) for case_id in new])
    _PUT_CASE.write(session, [_row(generation, case_id, rows[case_id]) for case_id in sorted(rows) if case_id in known])
    _COUNT.write(session, _sorted_counts(generation, moved))


def count_in(work: Work, events: Sequence[Event], generation: int) -> None:
    """Take a batch into a generation of the picture."""
    write(work.session, project(events), generation)


INDICATORS = Projection(
    name="exchange.indicators",
    topics=(LIFECYCLE, OPERATIONS),
    fold=count_in,
    tables=(_CASE, _DAY, _FACILITY),
    generations=GENERATIONS,
)


def _known(session: Session, generation: int, cases: Iterable[str]) -> dict[str, Case]:
    """Those that were heard of, locked."""
    rows = _KNOWN.all(session, of_generation=generation, of_cases=sorted(cases))
    return {row.case_id: Case.from_bytes(row.told) for row in rows}


def _parted(case_id: str, case: Case) -> dict[str, Case]:
    """Under the case's id a stone, so that whatever comes later is not heard; what is counted has no id any more."""
    stone = Case(erased=True)
    if case.arrival is None:
        return {case_id: stone}
    return {case_id: stone, f"erased-{uuid.uuid4()}": case.without_its_way()}


def _row(generation: int, case_id: str, case: Case) -> Row:
    return {
        "generation": generation,
        "case_id": case_id,
        "arrival_date": None if case.arrival is None else date.fromisoformat(case.arrival[1]),
        "recorded_on": None if case.recorded_on is None else date.fromisoformat(case.recorded_on),
        "told": case.to_bytes(),
    }


def _sorted_counts(generation: int, moved: Mapping[tuple[str, str, str, str, str], int]) -> list[Row]:
    """In the order of the keys: replicas add to the same ones, and would lock each other out."""
    rows = [
        {
            "generation": generation,
            "dimension": dimension,
            "measure": measure,
            "day": date.fromisoformat(day),
            "place": place,
            "value": value,
            "number": number,
        }
        for (dimension, measure, day, place, value), number in moved.items()
        if number
    ]
    return sorted(rows, key=itemgetter(*_COUNT_KEY))
