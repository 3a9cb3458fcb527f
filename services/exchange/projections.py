"""The projection behind the indicators: a picture of the season, built only from what was told."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Table, bindparam, update
from sqlalchemy.orm import Session

from services.exchange.models import (
    GENERATIONS,
    CaseFact,
    ConsentFact,
    FacilityFact,
    IssueCount,
    SessionCount,
    StayFact,
)
from shared.consuming.projection import Projection
from shared.database.models import table_of
from shared.database.prepared import Prepared, adding, upserting
from shared.events.aid import AidIssued
from shared.events.catalogue import fact_of
from shared.events.envelope import Event
from shared.events.facilities import FacilityOpened
from shared.events.fact import LIFECYCLE, OPERATIONS
from shared.events.intake import CaseErased, CaseRegistered, CaseScreened, ConsentChanged
from shared.events.psychosocial import SessionRecorded
from shared.events.shelter import StayCheckedIn, StayCheckedOut
from shared.work import Work

Row = dict[str, Any]

COUNTED = frozenset(
    fact.TYPE
    for fact in (
        CaseRegistered,
        CaseScreened,
        ConsentChanged,
        CaseErased,
        StayCheckedIn,
        StayCheckedOut,
        AidIssued,
        SessionRecorded,
        FacilityOpened,
    )
)


@dataclass(slots=True)
class Rows:
    """What a batch adds to the picture. Rows of one thing stand in the order of its stream: the last one holds."""

    cases: dict[str, Row] = field(default_factory=dict)
    findings: dict[str, str] = field(default_factory=dict)
    consents: dict[tuple[str, str], str] = field(default_factory=dict)
    erased: dict[str, None] = field(default_factory=dict)
    """Cases, in the order in which they were; nobody's consent is counted of them."""
    check_ins: dict[str, Row] = field(default_factory=dict)
    check_outs: dict[str, tuple[date, str]] = field(default_factory=dict)
    facilities: dict[str, Row] = field(default_factory=dict)
    issued: defaultdict[tuple[date, str], int] = field(default_factory=lambda: defaultdict(int))
    sessions: defaultdict[date, int] = field(default_factory=lambda: defaultdict(int))


def project(events: Iterable[Event]) -> Rows:
    """Fold a batch. Raises pydantic.ValidationError for data that is not of its schema."""
    rows = Rows()
    for event in events:
        if event.type not in COUNTED:
            continue
        match fact_of(event):
            case CaseRegistered() as fact:
                rows.cases[event.subject] = {
                    "case_id": event.subject,
                    "arrival_point": fact.arrival_point,
                    "arrival_date": fact.arrival_date,
                    "sex": fact.sex,
                    "trafficking_status": None,
                }
            case CaseScreened() as fact:
                rows.findings[event.subject] = fact.trafficking_status
            case ConsentChanged() as fact:
                for decision in fact.decisions:
                    rows.consents[event.subject, decision.agency] = decision.level
            case CaseErased():
                rows.erased[event.subject] = None
                rows.consents |= {key: "none" for key in rows.consents if key[0] == event.subject}
            case StayCheckedIn() as fact:
                rows.check_ins[fact.stay] = {
                    "stay": fact.stay,
                    "case_id": event.subject,
                    "facility": fact.facility,
                    "checked_in": fact.on,
                }
            case StayCheckedOut() as fact:
                rows.check_outs[fact.stay] = (fact.on, fact.reason)
            case AidIssued() as fact:
                rows.issued[fact.on, fact.item] += fact.quantity
            case SessionRecorded() as fact:
                rows.sessions[fact.on] += 1
            case FacilityOpened() as fact:
                rows.facilities[fact.facility] = {
                    "facility": fact.facility,
                    "kind": fact.kind,
                    "beds": sum(room.beds for room in fact.rooms),
                }
    return rows


def write(session: Session, rows: Rows, generation: int) -> None:
    """Add a batch to a generation of the picture, set-based."""
    one = _Picture(session, generation)
    one.put(table_of(CaseFact), rows.cases.values())
    one.change(table_of(CaseFact), "case_id", {c: {"trafficking_status": s} for c, s in rows.findings.items()})
    one.put(
        table_of(ConsentFact),
        [{"case_id": case, "agency": agency, "level": level} for (case, agency), level in rows.consents.items()],
    )
    one.change(table_of(ConsentFact), "case_id", {case: {"level": "none"} for case in rows.erased})
    one.put(table_of(StayFact), rows.check_ins.values())
    one.change(
        table_of(StayFact),
        "stay",
        {stay: {"checked_out": on, "reason": reason} for stay, (on, reason) in rows.check_outs.items()},
    )
    one.put(table_of(FacilityFact), rows.facilities.values())
    one.add(
        table_of(IssueCount),
        "quantity",
        [{"day": day, "item": item, "quantity": number} for (day, item), number in rows.issued.items()],
    )
    one.add(
        table_of(SessionCount),
        "sessions",
        [{"day": day, "sessions": number} for day, number in rows.sessions.items()],
    )


def count_in(work: Work, events: Sequence[Event], generation: int) -> None:
    """Take a batch into a generation of the picture."""
    write(work.session, project(events), generation)


INDICATORS = Projection(
    name="exchange.indicators",
    topics=(LIFECYCLE, OPERATIONS),
    fold=count_in,
    tables=tuple(
        table_of(model) for model in (CaseFact, ConsentFact, StayFact, FacilityFact, IssueCount, SessionCount)
    ),
    generations=GENERATIONS,
)


@dataclass(frozen=True, slots=True)
class _Picture:
    """One generation of it."""

    session: Session
    generation: int

    def put(self, table: Table, rows: Iterable[Row]) -> None:
        """Each row as it is told now, whatever stood there before."""
        listed = self._ours(rows)
        if listed:
            key = tuple(table.primary_key.columns.keys())
            upserting(table, key, tuple(name for name in listed[0] if name not in key)).write(self.session, listed)

    def add(self, table: Table, counter: str, rows: Iterable[Row]) -> None:
        """In the order of the keys: replicas add to the same ones, and would lock each other out."""
        key = tuple(table.primary_key.columns.keys())
        adding(table, key, counter).write(self.session, sorted(self._ours(rows), key=itemgetter(*key)))

    def change(self, table: Table, key: str, changes: Mapping[str, Row]) -> None:
        """Set columns of rows that an earlier event of the same stream has made."""
        if changes:
            _changing(table, key, tuple(next(iter(changes.values())))).write(
                self.session,
                [
                    {"of_generation": self.generation, "of_key": of}
                    | {f"to_{name}": value for name, value in row.items()}
                    for of, row in changes.items()
                ],
            )

    def _ours(self, rows: Iterable[Row]) -> list[Row]:
        return [{"generation": self.generation} | row for row in rows]


@cache
def _changing(table: Table, key: str, names: tuple[str, ...]) -> Prepared:
    new: dict[str, Any] = {name: bindparam(f"to_{name}") for name in names}
    chosen = update(table).where(table.c.generation == bindparam("of_generation"), table.c[key] == bindparam("of_key"))
    return Prepared(chosen.values(new))
