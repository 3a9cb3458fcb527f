"""Identifying a person as a victim of trafficking: proposed by staff or by a screening, approved by a supervisor."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.intake.commands.approvals import Wish, known_request, request_approval
from services.intake.commands.cases import moment_of, one_case
from services.intake.models import Approval, Case
from services.intake.problems import CaseIsClosed
from services.intake.queries import approval_view
from services.intake.schemas.approvals import ApprovalView, RequestIdentification
from services.intake.schemas.cases import ScreenCase
from shared.codes import TraffickingStatus
from shared.events.intake import CaseIdentified
from shared.work import Work


def request_identification(work: Work, case_id: str, body: RequestIdentification) -> ApprovalView:
    """Propose it; the same `id` again is answered as it stands.

    Raises CaseUnknown, PersonErased, CaseIsClosed, ImpossibleDate, ApprovalAsked, IdTaken.
    """
    case = one_case(work, case_id, open_only=False)
    wish = Wish("identification", _codes(body), moment_of(work, body.occurred_at, case), body.id)
    approval = known_request(work, case_id, wish)
    if approval is None:
        if case.status == "closed":
            raise CaseIsClosed
        approval = request_approval(work, case_id, wish)
    return approval_view(approval, work.caller)


def propose_from_screening(
    work: Work, case_id: str, screening_id: str, body: ScreenCase, occurred: datetime
) -> Approval:
    """The officer found a victim: that is for a supervisor to approve."""
    wish = Wish("identification", _codes(body), occurred, screening_id=screening_id)
    return request_approval(work, case_id, wish)


def identify(work: Work, case: Case, approval: Approval) -> None:
    """It was approved."""
    asked: dict[str, Any] = approval.asked or {}
    codes: dict[str, Sequence[str]] = {name: tuple(asked[name]) for name in _LISTS}
    fact = CaseIdentified(trafficking_status=TraffickingStatus.ACTUAL, decided_by=asked["decided_by"], **codes)
    case.trafficking_status = fact.trafficking_status
    work.record(case.case_id, fact, approval.occurred_at)


_LISTS = ("methods_of_control", "types_of_exploitation")


def _codes(body: RequestIdentification | ScreenCase) -> dict[str, Any]:
    return body.model_dump(mode="json", include={"decided_by", *_LISTS})
