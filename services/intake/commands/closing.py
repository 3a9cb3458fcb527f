"""Closing a case, and opening it again."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from services.intake.commands.cases import moment_of, moments_of, one_case, these_cases
from services.intake.commands.referral import take_back
from services.intake.models import Case, Referral, Seat
from services.intake.problems import CaseIsClosed, CaseIsNotClosed
from services.intake.schemas.cases import CaseIds, CloseCases, ReopenCase
from shared.events.intake import CaseClosed, CaseReopened
from shared.http.problems import Fault
from shared.work import Work


def close_cases(work: Work, body: CloseCases) -> CaseIds:
    """Close the cases with one outcome; one that was closed with it before is left as it is.

    A referral without an answer is taken back, and a seat on a trip that has not ended is given up. Raises NamedTwice,
    CaseUnknown, CaseIsClosed (with another outcome), ImpossibleDate.
    """
    cases = these_cases(work, body.cases, open_only=False)
    otherwise = [
        Fault("closed with another outcome", f"#/cases/{at}")
        for at, case in enumerate(cases)
        if case.status == "closed" and case.outcome != body.outcome
    ]
    if otherwise:
        raise CaseIsClosed(errors=otherwise)
    moments = moments_of(work, body.occurred_at, cases)
    closing = [case for case in cases if case.status != "closed"]
    pending = _pending(work, closing)
    _give_up_seats(work, closing)
    for case in closing:
        occurred = moments[case.case_id]
        if (referral := pending.get(case.case_id)) is not None:
            take_back(work, case, referral, occurred)
        case.status, case.outcome = "closed", body.outcome
        work.record(case.case_id, CaseClosed(outcome=body.outcome), occurred)
    return CaseIds(cases=body.cases)


def reopen_case(work: Work, case_id: str, body: ReopenCase) -> CaseIds:
    """A closed case goes on. Raises CaseUnknown, CaseIsNotClosed, ImpossibleDate."""
    case = one_case(work, case_id, open_only=False)
    if case.status != "closed":
        raise CaseIsNotClosed
    occurred = moment_of(work, body.occurred_at, case)
    case.status, case.outcome = "reopened", None
    work.record(case_id, CaseReopened(), occurred)
    return CaseIds(cases=[case_id])


def _pending(work: Work, cases: Sequence[Case]) -> dict[str, Referral]:
    asked = [case.case_id for case in cases if case.referral_status == "pending"]
    if not asked:
        return {}
    found = select(Referral).where(col(Referral.case_id).in_(asked), col(Referral.status) == "pending")
    return {referral.case_id: referral for referral in work.session.scalars(found)}


def _give_up_seats(work: Work, cases: Sequence[Case]) -> None:
    travelling = {case.case_id: case for case in cases if case.return_status in ("planned", "departed")}
    if not travelling:
        return
    held = select(Seat).where(col(Seat.case_id).in_(list(travelling)), col(Seat.status).in_(("planned", "departed")))
    for seat in work.session.scalars(held):
        seat.status, travelling[seat.case_id].return_status = "cancelled", "none"
