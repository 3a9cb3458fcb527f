"""A supervisor's answer to what was asked for."""

from collections.abc import Callable
from typing import Literal

from services.intake.commands.approvals import PERMISSIONS, approval_of, decide, must_be_another, must_hold
from services.intake.commands.closing import close_as_approved
from services.intake.commands.identifying import identify
from services.intake.models import Approval, Case
from services.intake.problems import ApprovalEnded, OpenWorkChanged
from services.intake.queries import approval_view, open_work_of
from services.intake.rules import OpenWork
from services.intake.schemas.approvals import ApprovalView, Approve, Reject
from shared.security.audit import audit
from shared.work import Work

EFFECTS: dict[str, Callable[[Work, Case, Approval], None]] = {
    "identification": identify,
    "transfer": close_as_approved,
    "closure": close_as_approved,
}


def approve(work: Work, approval_id: str, body: Approve) -> ApprovalView:
    """What was asked for is done now, with this transaction. What was approved is answered as it stands.

    Raises ApprovalUnknown, PersonErased, NotAllowed, SecondPersonNeeded, ApprovalEnded, OpenWorkChanged.
    """
    case, approval = approval_of(work, approval_id)
    must_hold(work, PERMISSIONS[approval.kind].approve)
    must_be_another(work, approval.requested_by)
    if approval.status == "approved":
        return approval_view(approval, work.caller)
    _must_wait(approval)
    now = [] if approval.kind == "identification" else open_work_of(work.session, [case])[case.case_id]
    if {OpenWork(one.code, one.id) for one in body.open_work} != set(now):
        raise OpenWorkChanged(
            "open now: " + (", ".join(sorted(one.code for one in now)) or "nothing"),
            pointer="#/open_work",
            open_work=[{"code": one.code, "id": one.id} for one in now],
        )
    approval.open_work = [{"code": one.code, "id": one.id} for one in now]
    decide(work, approval, "approved")
    work.session.flush()  # before its effect ends whatever still waits
    EFFECTS[approval.kind](work, case, approval)
    audit(work, f"{approval.kind}.approve", case.case_id)
    return approval_view(approval, work.caller)


def reject(work: Work, approval_id: str, body: Reject) -> ApprovalView:
    """It is not done, and why. The same again is answered as it stands.

    Raises ApprovalUnknown, PersonErased, NotAllowed, SecondPersonNeeded, ApprovalEnded.
    """
    case, approval = approval_of(work, approval_id)
    must_hold(work, PERMISSIONS[approval.kind].approve)
    must_be_another(work, approval.requested_by)
    if (approval.status, approval.because) == ("rejected", body.reason):
        return approval_view(approval, work.caller)
    _must_wait(approval)
    decide(work, approval, "rejected", body.reason)
    audit(work, f"{approval.kind}.reject", case.case_id, purpose=body.reason)
    return approval_view(approval, work.caller)


def withdraw(work: Work, approval_id: str) -> ApprovalView:
    """The asking side takes it back: who asked, or a colleague who might have. The same again is answered as it stands.

    Raises ApprovalUnknown, PersonErased, NotAllowed, ApprovalEnded.
    """
    case, approval = approval_of(work, approval_id)
    must_hold(work, PERMISSIONS[approval.kind].request)
    if approval.status == "withdrawn":
        return approval_view(approval, work.caller)
    _must_wait(approval)
    decide(work, approval, "withdrawn")
    audit(work, f"{approval.kind}.withdraw", case.case_id)
    return approval_view(approval, work.caller)


def note_refusal(work: Work, approval_id: str, act: Literal["approve", "reject"]) -> None:
    """Somebody was not let decide what they had asked for: a refusal is in the audit log."""
    case, approval = approval_of(work, approval_id)
    audit(work, f"{approval.kind}.{act}", case.case_id, outcome="refused")


def _must_wait(approval: Approval) -> None:
    """Raises ApprovalEnded, with what became of it."""
    if approval.status != "requested":
        raise ApprovalEnded(f"it was {approval.status}" if approval.because is None else f"ended: {approval.because}")
