"""What needs two people: one asks, a supervisor who is somebody else approves or rejects.

Whatever changes an approval holds the lock of its case, so that each is decided once, and on what is true then.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import uuid_utils
from sqlalchemy import bindparam, select, update
from sqlmodel import col

from services.intake.commands.cases import one_case
from services.intake.models import Approval, Case
from services.intake.problems import ApprovalAsked, ApprovalUnknown, CaseUnknown, IdTaken, SecondPersonNeeded
from services.intake.schemas.approvals import Kind
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.http.problems import NotAllowed
from shared.security.audit import audit
from shared.work import Work


@dataclass(frozen=True, slots=True)
class Permissions:
    """Who asks for something of a kind (and may withdraw it), and who decides."""

    request: str
    approve: str


PERMISSIONS: dict[str, Permissions] = {
    "identification": Permissions("identification.request", "identification.approve"),
    "transfer": Permissions("case.close", "transfer.approve"),
    "closure": Permissions("case.close", "closure.approve"),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for, in codes alone."""

    kind: Kind
    asked: dict[str, Any]
    occurred: datetime
    id: str | None = None
    screening_id: str | None = None


def known_request(work: Work, case_id: str, wish: Wish) -> Approval | None:
    """The request of that id where it was sent before. Raises IdTaken where it is another one's."""
    known = None if wish.id is None else work.session.get(Approval, wish.id)
    if known is None:
        return None
    if known.case_id != case_id or not _same(known, wish):
        raise IdTaken(pointer="#/id")
    return known


def request_approval(work: Work, case_id: str, wish: Wish) -> Approval:
    """Put it before a supervisor; the case is locked. Who asks for the same again is answered as it stands.

    Raises ApprovalAsked where another of the kind waits.
    """
    waiting = work.session.scalars(_WAITING, {"of_case": case_id, "of_kind": wish.kind}).one_or_none()
    if waiting is not None:
        if wish.id is None and waiting.requested_by == work.caller.subject and _same(waiting, wish):
            return waiting
        raise ApprovalAsked(approval_id=waiting.approval_id)
    approval = Approval(
        approval_id=wish.id or str(uuid_utils.uuid7()),
        case_id=case_id,
        kind=wish.kind,
        asked=wish.asked,
        occurred_at=wish.occurred.astimezone(UTC),
        screening_id=wish.screening_id,
        requested_by=work.caller.subject,
        requested_at=work.now,
    )
    work.session.add(approval)
    audit(work, f"{wish.kind}.request", case_id, purpose=wish.asked.get("outcome", ""))
    return approval


def approval_of(work: Work, approval_id: str) -> tuple[Case, Approval]:
    """It and its case, locked. Raises ApprovalUnknown, PersonErased."""
    case_id = work.session.scalar(select(col(Approval.case_id)).where(col(Approval.approval_id) == approval_id))
    try:
        case = one_case(work, case_id or "", open_only=False)
    except CaseUnknown:
        raise ApprovalUnknown from None
    return case, work.session.get_one(Approval, approval_id)  # read after the lock: it may be decided by now


def must_hold(work: Work, permission: str) -> None:
    """Raises NotAllowed."""
    if permission not in work.caller.permissions:
        raise NotAllowed(f"needs the permission {permission}")


def must_be_another(work: Work, requested_by: str | None) -> None:
    """Whoever asked does not decide, whatever their role. Raises SecondPersonNeeded."""
    if requested_by == work.caller.subject:
        raise SecondPersonNeeded


def decide(work: Work, approval: Approval, status: str, because: str | None = None) -> None:
    """By the caller, now."""
    approval.status, approval.because = status, because
    approval.decided_by, approval.decided_at = work.caller.subject, work.now


def end_requests(work: Work, cases: Sequence[str], because: str, kinds: Collection[str] = tuple(PERMISSIONS)) -> None:
    """What waits about these cases ends undecided: what it was about has changed."""
    if cases:
        about = {"of_cases": sorted(cases), "of_kinds": sorted(kinds)}
        _END.write(work.session, [about | {"why": because, "at": work.now}])


def _same(approval: Approval, wish: Wish) -> bool:
    return (approval.kind, approval.asked, approval.occurred_at) == (wish.kind, wish.asked, wish.occurred)


_APPROVAL = table_of(Approval)
_WAITING = select(Approval).where(
    _APPROVAL.c.case_id == bindparam("of_case"),
    _APPROVAL.c.kind == bindparam("of_kind"),
    _APPROVAL.c.status == "requested",
)
_END = Prepared(
    update(_APPROVAL)
    .where(
        _APPROVAL.c.case_id.in_(bindparam("of_cases", expanding=True)),
        _APPROVAL.c.kind.in_(bindparam("of_kinds", expanding=True)),
        _APPROVAL.c.status == "requested",
    )
    .values(status="ended", because=bindparam("why"), decided_at=bindparam("at"))
)
