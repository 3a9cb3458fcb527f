"""Finding the cases that a command is about, and when it happened to them."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Protocol, TypeVar

from sqlalchemy import bindparam, select
from sqlmodel import col

from services.intake.commands.places import happened, time_zone_of
from services.intake.models import Case
from services.intake.problems import CaseIsClosed, CaseUnknown, ImpossibleDate, NamedTwice
from shared.database.models import table_of
from shared.database.prepared import Entities, Prepared
from shared.http.faults import Fault
from shared.http.problems import PersonErased
from shared.security.access import reaches
from shared.security.tokens import Caller
from shared.times import OccurredAt, local_date
from shared.work import Work

ERASED = "erased"
"""The status of a case whose person was erased: the row stays for the figures, and no command takes it."""


class CaseRow(Protocol):
    """What most commands ask of a case: a row that was read, or the object whose columns may be set."""

    @property
    def case_id(self) -> str: ...
    @property
    def key_id(self) -> str: ...
    @property
    def arrival_point(self) -> str: ...
    @property
    def arrival_agency(self) -> str: ...
    @property
    def arrival_date(self) -> date: ...
    @property
    def manifest_id(self) -> str | None: ...
    @property
    def age_band(self) -> str | None: ...
    @property
    def status(self) -> str: ...
    @property
    def trafficking_status(self) -> str | None: ...
    @property
    def facility(self) -> str | None: ...
    @property
    def facility_agency(self) -> str | None: ...


def one_case(work: Work, case_id: str, *, open_only: bool = True) -> Case:
    """A case in the caller's scope, locked. Raises CaseUnknown, PersonErased, CaseIsClosed."""
    return _let_in(work, work.session.scalars(_CASE, {"of_case": case_id}).one_or_none(), open_only)


def case_row(work: Work, case_id: str, *, open_only: bool = True) -> CaseRow:
    """As `one_case`, for a command that sets no column of it, or writes the one by itself."""
    found: CaseRow | None = _ROW.first(work.session, of_case=case_id)
    return _let_in(work, found, open_only)


def erased_or_not(work: Work, case_id: str) -> CaseRow:
    """As `case_row`, of one that may be erased by now. Raises CaseUnknown."""
    found: CaseRow | None = _ROW.first(work.session, of_case=case_id)
    if found is None or not in_scope_of(work.caller, found):
        raise CaseUnknown
    return found


Found = TypeVar("Found", bound=CaseRow)


def _let_in(work: Work, case: Found | None, open_only: bool) -> Found:
    if case is None or not in_scope_of(work.caller, case):
        raise CaseUnknown
    if case.status == ERASED:
        raise PersonErased
    if open_only and case.status == "closed":
        raise CaseIsClosed
    return case


def these_cases(
    work: Work, case_ids: Sequence[str], *, open_only: bool = True, pointer: str = "#/cases/{}"
) -> list[Case]:
    """Cases in the caller's scope, locked in sorted order, given in the order asked.

    Raises NamedTwice, CaseUnknown, PersonErased or CaseIsClosed with a pointer to each culprit.
    """
    twice = [at for at, asked in enumerate(case_ids) if asked in case_ids[:at]] if _repeats(case_ids) else []
    if twice:
        raise NamedTwice(errors=[Fault("stands above already", pointer.format(at)) for at in twice])
    found = locked(work, case_ids, in_scope=True)
    unknown = [Fault("no such case", pointer.format(at)) for at, asked in enumerate(case_ids) if asked not in found]
    if unknown:
        raise CaseUnknown(errors=unknown)
    cases = [found[case_id] for case_id in case_ids]
    erased = [Fault("erased", pointer.format(at)) for at, case in enumerate(cases) if case.status == ERASED]
    if erased:
        raise PersonErased(errors=erased)
    closed = [Fault("closed", pointer.format(at)) for at, case in enumerate(cases) if case.status == "closed"]
    if closed and open_only:
        raise CaseIsClosed(errors=closed)
    return cases


def locked(work: Work, case_ids: Collection[str], *, in_scope: bool = False) -> dict[str, Case]:
    """Those cases that there are, locked in sorted order: two groups never lock each other out."""
    found = _CASES.all(work.session, of_cases=sorted(case_ids))
    return {case.case_id: case for case in found if not in_scope or in_scope_of(work.caller, case)}


# Most commands run these, and building a statement takes longer than running it.
_CASE = select(Case).where(col(Case.case_id) == bindparam("of_case")).with_for_update()
_ROW = Prepared(select(table_of(Case)).where(col(Case.case_id) == bindparam("of_case")).with_for_update())
_CASES = Entities(
    select(Case)
    .where(col(Case.case_id).in_(bindparam("of_cases", expanding=True)))
    .order_by(col(Case.case_id))
    .with_for_update()
)


def in_scope_of(caller: Caller, case: CaseRow) -> bool:
    """What `case_scope` says in SQL, of a case that is read already."""
    return reaches(caller, case.arrival_point, case.arrival_agency) or (
        case.facility is not None and reaches(caller, case.facility, case.facility_agency or "")
    )


def moment_of(work: Work, said: OccurredAt, case: CaseRow) -> datetime:
    """When it happened to one person; a date is noon at the arrival point.

    Raises ImpossibleDate for the future, and for what lies before the arrival.
    """
    zone = time_zone_of(work, case.arrival_point)
    occurred = happened(work, said, zone)
    if local_date(said, zone) < case.arrival_date:
        raise ImpossibleDate("lies before the arrival", pointer="#/occurred_at")
    return occurred


def moments_of(work: Work, said: OccurredAt, cases: Sequence[Case]) -> dict[str, datetime]:
    """When it happened, by case id: see `moment_of`. Raises ImpossibleDate with a pointer to who arrived later."""
    zones = {post: time_zone_of(work, post) for post in {case.arrival_point for case in cases}}
    moments = {post: happened(work, said, zone) for post, zone in zones.items()}
    days = {post: local_date(said, zone) for post, zone in zones.items()}
    later = [
        Fault("arrived after this", f"#/cases/{at}")
        for at, case in enumerate(cases)
        if days[case.arrival_point] < case.arrival_date
    ]
    if later:
        raise ImpossibleDate(errors=later)
    return {case.case_id: moments[case.arrival_point] for case in cases}


def _repeats(case_ids: Sequence[str]) -> bool:
    return len(set(case_ids)) != len(case_ids)
