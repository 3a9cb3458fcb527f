"""Erasing a person: one asks for it, a second one approves, and no legal hold stands against it (UU 27/2022)."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import delete, select
from sqlmodel import col

from services.intake.commands.approvals import must_be_another
from services.intake.commands.cases import ERASED, CaseRow, erased_or_not
from services.intake.commands.forgetting import FORGETTING
from services.intake.commands.holds import must_not_be_held
from services.intake.commands.known import tokens_of
from services.intake.models import BlindToken, Erasure, ManifestRow, Referral
from services.intake.problems import ErasureAsked, ErasureRefused, ErasureUnknown
from services.intake.queries import erasure_view
from services.intake.schemas.erasing import ErasureView, RefuseErasure, RequestErasure
from services.intake.schemas.people import Person
from shared.database.holding import hold
from shared.database.models import table_of
from shared.erasing.forgetting import erase
from shared.erasing.table import doom
from shared.events.intake import CaseErased, ReferralRevoked
from shared.http.problems import PersonErased
from shared.security.audit import audit
from shared.security.blind import BlindIndex
from shared.security.keys import KeyDestroyed, KeyUnknown
from shared.security.sealing import SealBroken
from shared.work import Work


def request_erasure(work: Work, case_id: str, body: RequestErasure) -> ErasureView:
    """Ask for it. The same again is answered as it stands; after a refusal it is a new request.

    Raises CaseUnknown, PersonErased, HeldForProceedings, ErasureAsked.
    """
    case = erased_or_not(work, case_id)
    if case.status == ERASED:
        raise PersonErased
    must_not_be_held(work, case_id)
    asked = work.session.get(Erasure, case_id)
    if asked is not None and asked.status == "requested":
        if (asked.reason, asked.asked_by, asked.requested_by) != (body.reason, body.asked_by, work.caller.subject):
            raise ErasureAsked
        return erasure_view(asked)
    if asked is None:
        asked = Erasure(case_id=case_id, status="requested")
        work.session.add(asked)
    asked.status, asked.reason, asked.asked_by = "requested", body.reason, body.asked_by
    asked.requested_by, asked.requested_at = work.caller.subject, work.now
    asked.decided_by = asked.decided_at = asked.refused_because = None
    audit(work, "erasure.request", case_id, purpose=body.reason)
    return erasure_view(asked)


def approve_erasure(work: Work, case_id: str) -> ErasureView:
    """By a second person: from the commit on nobody reads who it was, and the keys are destroyed within seconds.

    One that was approved is answered as it stands. Raises CaseUnknown, ErasureUnknown, ErasureRefused,
    SecondPersonNeeded, HeldForProceedings.
    """
    case = erased_or_not(work, case_id)
    asked = work.session.get(Erasure, case_id)
    if asked is None:
        raise ErasureUnknown
    must_be_another(work, asked.requested_by)
    if asked.status == ERASED:
        return erasure_view(asked)
    if asked.status == "refused":
        raise ErasureRefused
    must_not_be_held(work, case_id)
    _forget_staged(work, case)
    pending = select(Referral).where(col(Referral.case_id) == case_id, col(Referral.status) == "pending")
    for referral in work.session.scalars(pending):
        work.record(case_id, ReferralRevoked(referral=referral.referral_id, facility=referral.facility))
    asked.decided_by = work.caller.subject
    work.session.flush()
    erase(FORGETTING, work.session, work.secrets, [case_id])
    work.record(case_id, CaseErased())
    audit(work, "erasure.approve", case_id, purpose=asked.reason or "")
    work.session.refresh(asked)
    return erasure_view(asked)


def refuse_erasure(work: Work, case_id: str, body: RefuseErasure) -> ErasureView:
    """It is not done, and why; whoever asked may take it back the same way. The same again is answered as it stands.

    Raises CaseUnknown, PersonErased, ErasureUnknown.
    """
    case = erased_or_not(work, case_id)
    if case.status == ERASED:
        raise PersonErased
    asked = work.session.get(Erasure, case_id)
    if asked is None:
        raise ErasureUnknown
    if asked.status == "requested":
        asked.status, asked.refused_because = "refused", body.reason
        asked.decided_by, asked.decided_at = work.caller.subject, work.now
        audit(work, "erasure.refuse", case_id, purpose=body.reason)
    return erasure_view(asked)


def note_refusal(work: Work, case_id: str) -> None:
    """Somebody was not let erase: a refusal is in the audit log."""
    audit(work, "erasure.approve", case_id, outcome="refused")


def _forget_staged(work: Work, case: CaseRow) -> None:
    """Rows of the case's own manifest that were kept, and look like this person: unreadable once, sent again under
    another key, registered then. Found while the keys still open them; rows that named the case are forgotten with it.

    Whoever registers the same person now is waited for: their row may name this case.
    """
    tokens = work.session.execute(
        select(col(BlindToken.kind), col(BlindToken.token)).where(col(BlindToken.case_id) == case.case_id)
    ).all()
    hold(work.session, "who", (token for kind, token in tokens if kind in ("nik", "person")))
    known = {token for _, token in tokens}
    manifest = case.manifest_id
    if manifest is None or not known:
        return
    rows = table_of(ManifestRow)
    kept = work.session.execute(select(rows).where(rows.c.manifest_id == manifest)).all()
    index = BlindIndex(work.secrets.blind)
    theirs = [row for row in kept if (said := _opened(work, manifest, row)) and known & _tokens_in(index, said)]
    doom(work.session, [row.key_id for row in theirs], int(work.now.timestamp() * 1000))
    if theirs:
        named = [row.row_key for row in theirs]
        work.session.execute(delete(rows).where(rows.c.manifest_id == manifest, rows.c.row_key.in_(named)))


def _opened(work: Work, manifest: str, row: Any) -> dict[str, Any]:
    """Nothing, of what nobody can read any more: after a restore its key may be gone already."""
    try:
        plain = work.keys.get(row.key_id).open(row.staged, case=manifest, table="manifest_rows", column="staged")
    except (KeyDestroyed, KeyUnknown, SealBroken):
        return {}
    content: dict[str, Any] = json.loads(plain)
    return content


_IDENTIFYING: Sequence[str] = ("name", "birth_date", "nik", "document")


def _tokens_in(index: BlindIndex, content: dict[str, Any]) -> set[bytes]:
    """Of what can be read in a row that, as a whole, cannot."""
    readable: dict[str, Any] = {"name": "?", "sex": "F"}
    for field in _IDENTIFYING:
        try:
            Person.model_validate(readable | {field: content.get(field)})
        except ValidationError:
            continue
        readable[field] = content.get(field)
    return {token for _, token in tokens_of(index, Person.model_validate(readable)).all}
