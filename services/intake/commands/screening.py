"""Screening: what happened to the person, in the codes of HTCDS."""

from datetime import UTC, datetime
from typing import Any

import orjson
import uuid_utils
from sqlalchemy import bindparam, insert, select, update
from sqlmodel import col

from services.intake.commands.approvals import end_requests
from services.intake.commands.cases import CaseRow, case_row, moment_of
from services.intake.commands.identifying import propose_from_screening
from services.intake.models import Approval, Case, Screening
from services.intake.problems import CaseIsClosed, IdTaken
from services.intake.rules import status_told
from services.intake.schemas.cases import ScreenCase, ScreeningView
from shared.codes import TraffickingStatus
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.events.intake import CaseScreened
from shared.work import Work


def screen_case(work: Work, case_id: str, body: ScreenCase) -> ScreeningView:
    """Record the finding; the newest holds. Circumstances and note are sealed, and never in the event.

    That somebody is a victim waits for a supervisor and is told as possible until then (decision 21); what waited from
    before ends, for it was proposed on an older finding. The same `id` again is answered as it stands. Raises
    CaseUnknown, CaseIsClosed, ImpossibleDate, IdTaken.
    """
    case = case_row(work, case_id, open_only=False)
    occurred = moment_of(work, body.occurred_at, case)
    if body.id is not None and (known := _KNOWN.first(work.session, of_screening=body.id)) is not None:
        return _repeated(work, case, known, body, occurred)
    if case.status == "closed":
        raise CaseIsClosed
    screening: dict[str, Any] = {
        "screening_id": body.id or str(uuid_utils.uuid7()),
        "case_id": case_id,
        "occurred_at": occurred.astimezone(UTC),
        "circumstances": work.keys.get(case.key_id).seal(
            _circumstances(body), case=case_id, table="screenings", column="circumstances"
        ),
    }
    standing = case.trafficking_status
    if standing == TraffickingStatus.ACTUAL and _APPROVED.first(work.session, of_case=case_id) is None:
        standing = None  # from before a supervisor was asked: one officer's word
    told = TraffickingStatus(status_told(body.trafficking_status, standing))
    _NEW.write(work.session, [screening | _codes(body)])
    _FOUND.write(work.session, [{"of_case": case_id, "finding": told.value}])
    end_requests(work, [case_id], "screened_again", ["identification"])
    proposed = None
    if told != body.trafficking_status:
        proposed = propose_from_screening(work, case_id, screening["screening_id"], body, occurred)
    work.record(
        case_id,
        CaseScreened(
            trafficking_status=told,
            decided_by=body.decided_by,
            methods_of_control=tuple(body.methods_of_control),
            types_of_exploitation=tuple(body.types_of_exploitation),
            needs=tuple(body.needs),
            care_layer=body.care_layer,
        ),
        occurred,
    )
    return _view(screening["screening_id"], case_id, told, proposed)


_NEW = Prepared(insert(table_of(Screening)))
_KNOWN = Prepared(select(table_of(Screening)).where(col(Screening.screening_id) == bindparam("of_screening")))
_APPROVED = Prepared(
    select(col(Approval.approval_id))
    .where(
        col(Approval.case_id) == bindparam("of_case"),
        col(Approval.kind) == "identification",
        col(Approval.status) == "approved",
    )
    .limit(1)
)
_FOUND = Prepared(
    update(table_of(Case))
    .where(col(Case.case_id) == bindparam("of_case"))
    .values(trafficking_status=bindparam("finding"))
)


def _repeated(work: Work, case: CaseRow, known: Any, body: ScreenCase, occurred: datetime) -> ScreeningView:
    codes = _codes(body)
    same = (known.case_id, known.occurred_at, {name: getattr(known, name) for name in codes}) == (
        case.case_id,
        occurred,
        codes,
    )
    key = work.keys.get(case.key_id)
    if not same or _circumstances(body) != key.open(
        known.circumstances, case=case.case_id, table="screenings", column="circumstances"
    ):
        raise IdTaken(pointer="#/id")
    proposed = work.session.scalars(select(Approval).where(col(Approval.screening_id) == known.screening_id)).first()
    told = known.trafficking_status if proposed is None else status_told(known.trafficking_status, None)
    return _view(known.screening_id, known.case_id, told, proposed)


def _codes(body: ScreenCase) -> dict[str, Any]:
    return body.model_dump(
        mode="json",
        include={
            "trafficking_status",
            "decided_by",
            "methods_of_control",
            "types_of_exploitation",
            "needs",
            "care_layer",
        },
    )


def _circumstances(body: ScreenCase) -> str:
    return orjson.dumps(body.model_dump(include={"gender_based_violence", "pregnant", "disability", "note"})).decode()


def _view(screening_id: str, case_id: str, told: str, proposed: Approval | None) -> ScreeningView:
    return ScreeningView(
        screening_id=screening_id,
        case_id=case_id,
        trafficking_status=told,
        approval=None if proposed is None else proposed.approval_id,
    )
