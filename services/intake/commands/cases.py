"""Finding the cases that a command is about."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from services.intake.models import Case
from services.intake.problems import CaseIsClosed, CaseUnknown
from services.intake.queries import case_scope
from shared.http.problems import Fault
from shared.work import Work


def one_case(work: Work, case_id: str, *, open_only: bool = True) -> Case:
    """A case in the caller's scope, locked. Raises CaseUnknown, CaseIsClosed."""
    case = work.session.scalars(
        select(Case).where(col(Case.case_id) == case_id, case_scope(work.caller)).with_for_update()
    ).one_or_none()
    if case is None:
        raise CaseUnknown
    if open_only and case.status == "closed":
        raise CaseIsClosed
    return case


def these_cases(work: Work, case_ids: Sequence[str], *, open_only: bool = True, field: str = "cases") -> list[Case]:
    """Cases in the caller's scope, locked in sorted order, given in the order asked.

    Raises CaseUnknown or CaseIsClosed with a pointer to each that is not to be had.
    """
    found = {
        case.case_id: case
        for case in work.session.scalars(
            select(Case)
            .where(col(Case.case_id).in_(sorted(set(case_ids))), case_scope(work.caller))
            .order_by(col(Case.case_id))
            .with_for_update()
        )
    }
    unknown = [Fault("no such case", f"#/{field}/{at}") for at, asked in enumerate(case_ids) if asked not in found]
    if unknown:
        raise CaseUnknown(errors=unknown)
    closed = [
        Fault("closed", f"#/{field}/{at}") for at, asked in enumerate(case_ids) if found[asked].status == "closed"
    ]
    if closed and open_only:
        raise CaseIsClosed(errors=closed)
    return [found[case_id] for case_id in dict.fromkeys(case_ids)]
