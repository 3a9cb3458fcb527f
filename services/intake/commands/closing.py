"""Closing a case, and opening it again."""

from services.intake.commands.cases import one_case, these_cases
from services.intake.commands.places import happened
from services.intake.problems import CaseIsNotClosed
from services.intake.schemas import CaseIds, CloseCases, ReopenCase
from shared.events.intake import CaseClosed, CaseReopened
from shared.work import Work


def close_cases(work: Work, body: CloseCases) -> CaseIds:
    """Close the cases with one outcome; one that was closed with it before is left as it is.

    Raises CaseUnknown, CaseIsClosed (with another outcome), ImpossibleDate.
    """
    cases = these_cases(work, body.cases, open_only=False)
    changed = [case for case in cases if (case.status, case.outcome) != ("closed", body.outcome)]
    these_cases(work, [case.case_id for case in changed])
    for case in changed:
        occurred = happened(work, body.occurred_at, case.arrival_point)
        case.status, case.outcome = "closed", body.outcome
        work.record(case.case_id, CaseClosed(outcome=body.outcome), occurred)
    return CaseIds(cases=[case.case_id for case in cases])


def reopen_case(work: Work, case_id: str, body: ReopenCase) -> CaseIds:
    """A closed case goes on. Raises CaseUnknown, CaseIsNotClosed, ImpossibleDate."""
    case = one_case(work, case_id, open_only=False)
    if case.status != "closed":
        raise CaseIsNotClosed
    occurred = happened(work, body.occurred_at, case.arrival_point)
    case.status, case.outcome = "reopened", None
    work.record(case_id, CaseReopened(), occurred)
    return CaseIds(cases=[case_id])
