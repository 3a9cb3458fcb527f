"""Legal holds: as long as one stands, the person is not erased (UU 27/2022, legal proceedings)."""

import uuid_utils
from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from services.intake.commands.cases import case_row
from services.intake.models import LegalHold
from services.intake.problems import HeldForProceedings, HoldUnknown, IdTaken
from services.intake.schemas.erasing import HoldView, LiftHold, SetHold
from shared.security.audit import audit
from shared.work import Work


def set_hold(work: Work, case_id: str, body: SetHold) -> HoldView:
    """From now on nobody erases the person. The same `id` again is answered as it stands.

    Raises CaseUnknown, PersonErased, IdTaken.
    """
    case = case_row(work, case_id, open_only=False)
    if body.id is not None and (known := work.session.get(LegalHold, body.id)) is not None:
        if (known.case_id, known.reason) != (case_id, body.reason):
            raise IdTaken(pointer="#/id")
        return hold_view(known)
    key = work.keys.get(case.key_id)
    held = LegalHold(
        hold_id=body.id or str(uuid_utils.uuid7()),
        case_id=case_id,
        reason=body.reason,
        note=None if body.note is None else key.seal(body.note, case=case_id, table="legal_holds", column="note"),
        set_by=work.caller.subject,
        set_at=work.now,
    )
    work.session.add(held)
    audit(work, "hold.set", case_id, purpose=body.reason)
    return hold_view(held)


def lift_hold(work: Work, case_id: str, hold_id: str, body: LiftHold) -> HoldView:
    """The proceedings need it no longer. One that was lifted is answered as it stands.

    Raises CaseUnknown, PersonErased, HoldUnknown.
    """
    case = case_row(work, case_id, open_only=False)
    held = work.session.get(LegalHold, hold_id)
    if held is None or held.case_id != case_id:
        raise HoldUnknown
    if held.lifted_at is None:
        key = work.keys.get(case.key_id)
        held.lifted_because, held.lifted_by, held.lifted_at = body.reason, work.caller.subject, work.now
        if body.note is not None:
            held.lifting_note = key.seal(body.note, case=case_id, table="legal_holds", column="lifting_note")
        audit(work, "hold.lift", case_id, purpose=body.reason)
    return hold_view(held)


def read_hold(work: Work, case_id: str, hold_id: str) -> HoldView:
    """One hold with its notes, opened. Every read is audited. Raises CaseUnknown, PersonErased, HoldUnknown."""
    case = case_row(work, case_id, open_only=False)
    held = work.session.get(LegalHold, hold_id)
    if held is None or held.case_id != case_id:
        raise HoldUnknown
    key = work.keys.get(case.key_id)

    def opened(column: str, sealed: bytes | None) -> str | None:
        return None if sealed is None else key.open(sealed, case=case_id, table="legal_holds", column=column)

    audit(work, "hold.read", case_id)
    notes = {"note": opened("note", held.note), "lifting_note": opened("lifting_note", held.lifting_note)}
    return hold_view(held).model_copy(update=notes)


def must_not_be_held(work: Work, case_id: str) -> None:
    """Raises HeldForProceedings, with the reason of each hold."""
    standing = [held for held in list_holds(work.session, case_id) if held.lifted_at is None]
    if standing:
        raise HeldForProceedings(
            f"held for: {', '.join(sorted({held.reason for held in standing}))}",
            holds=[{"hold_id": held.hold_id, "reason": held.reason} for held in standing],
        )


def list_holds(session: Session, case_id: str) -> list[HoldView]:
    """Standing and lifted, oldest first, without their notes."""
    found = select(LegalHold).where(col(LegalHold.case_id) == case_id).order_by(col(LegalHold.set_at))
    return [hold_view(held) for held in session.scalars(found)]


def hold_view(held: LegalHold) -> HoldView:
    return HoldView(
        hold_id=held.hold_id,
        case_id=held.case_id,
        reason=held.reason,
        set_by=held.set_by,
        set_at=held.set_at,
        lifted_because=held.lifted_because,
        lifted_by=held.lifted_by,
        lifted_at=held.lifted_at,
        has_note=held.note is not None or held.lifting_note is not None,
    )
