"""Closing a case, by one person or with a supervisor's approval, and opening it again."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import col

from services.intake.commands.approvals import Wish, end_requests, known_request, request_approval
from services.intake.commands.cases import moment_of, moments_of, one_case, these_cases
from services.intake.commands.referral import take_back
from services.intake.models import Approval, Case, Referral, Seat
from services.intake.problems import ApprovalNeeded, ApprovalNotNeeded, CaseIsClosed, CaseIsNotClosed
from services.intake.queries import approval_view, open_work_of
from services.intake.rules import closing_kind
from services.intake.schemas.approvals import ApprovalView, Kind, RequestClosure
from services.intake.schemas.cases import CaseIds, CloseCases, ReopenCase
from shared.events.intake import CaseClosed, CaseReopened
from shared.http.faults import Fault
from shared.work import Work


def close_cases(work: Work, body: CloseCases) -> CaseIds:
    """Close the cases with one outcome; one that was closed with it before is left as it is.

    Raises NamedTwice, CaseUnknown, CaseIsClosed (with another outcome), ImpossibleDate, ApprovalNeeded.
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
    _must_need_no_approval(work, cases, body.outcome)
    _close(work, [case for case in cases if case.status != "closed"], body.outcome, moments)
    return CaseIds(cases=body.cases)


def request_closure(work: Work, case_id: str, body: RequestClosure) -> ApprovalView:
    """Ask for a closing that a supervisor has to approve; the same `id` again is answered as it stands.

    Raises CaseUnknown, PersonErased, CaseIsClosed, ImpossibleDate, ApprovalNotNeeded, ApprovalAsked, IdTaken.
    """
    case = one_case(work, case_id, open_only=False)
    occurred = moment_of(work, body.occurred_at, case)
    kind: Kind = "transfer" if body.outcome == "transferred" else "closure"
    wish = Wish(kind, {"outcome": body.outcome}, occurred, body.id)
    approval = known_request(work, case_id, wish)
    if approval is None:
        if case.status == "closed":
            raise CaseIsClosed
        if closing_kind(body.outcome, open_work_of(work.session, [case])[case_id]) is None:
            raise ApprovalNotNeeded
        approval = request_approval(work, case_id, wish)
    return approval_view(approval, work.caller, open_work_of(work.session, [case])[case_id])


def close_as_approved(work: Work, case: Case, approval: Approval) -> None:
    """It was approved with what is open: that is given up."""
    outcome = (approval.asked or {})["outcome"]
    _close(work, [case], outcome, {case.case_id: approval.occurred_at})


def _must_need_no_approval(work: Work, cases: Sequence[Case], outcome: str) -> None:
    """Raises ApprovalNeeded with what is open of whom."""
    work_of = open_work_of(work.session, [case for case in cases if case.status != "closed"])
    kinds = {case_id: closing_kind(outcome, found) for case_id, found in work_of.items()}
    needed = [
        Fault(
            "handed over to another organisation" if kinds[case.case_id] == "transfer" else "work is open",
            f"#/cases/{at}",
        )
        for at, case in enumerate(cases)
        if kinds.get(case.case_id) is not None
    ]
    if needed:
        raise ApprovalNeeded(
            errors=needed,
            cases=[
                {
                    "case_id": case_id,
                    "kind": kinds[case_id],
                    "open_work": [{"code": one.code, "id": one.id} for one in found],
                }
                for case_id, found in work_of.items()
                if kinds[case_id] is not None
            ],
        )


def _close(work: Work, cases: Sequence[Case], outcome: str, moments: Mapping[str, datetime]) -> None:
    """A referral without an answer is taken back, a seat on a trip that has not ended is given up, and what waited for
    a supervisor ends."""
    pending = _pending(work, cases)
    _give_up_seats(work, cases)
    end_requests(work, [case.case_id for case in cases], "case_closed")
    for case in cases:
        occurred = moments[case.case_id]
        if (referral := pending.get(case.case_id)) is not None:
            take_back(work, case, referral, occurred)
        case.status, case.outcome = "closed", outcome
        work.record(case.case_id, CaseClosed(outcome=outcome), occurred)


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
