"""What a counsellor wrote: read by whoever wrote it or answers for the facility, and noted either way."""

from enum import Enum

from sqlalchemy import select
from sqlmodel import col

from services.psychosocial.commands.forgetting import erased_among
from services.psychosocial.commands.keys import keys_of
from services.psychosocial.models import Place, Session
from services.psychosocial.queries import at_places_of
from services.psychosocial.schemas import NoteView
from shared.security.access import AGENCY
from shared.security.audit import audit
from shared.work import Work


class Refusal(Enum):
    """Why a note was not shown."""

    UNKNOWN = "unknown"
    NOT_YOURS = "not yours"
    ERASED = "erased"


def read_note(work: Work, session_id: str) -> NoteView | Refusal:
    """The note of a session, or why not: a refusal is an answer here, so that its audit entry is committed.

    Open to the counsellor who wrote it, and to whoever may see all of the agency that runs the facility.
    """
    row = work.session.scalars(select(Session).where(col(Session.session_id) == session_id)).one_or_none()
    if row is None or not _open_to(work, row):
        audit(work, "note.read", session_id, outcome="refused")
        return Refusal.NOT_YOURS if row is not None and _in_scope(work, session_id) else Refusal.UNKNOWN
    if erased_among(work.session, [row.case_id]):
        audit(work, "note.read", session_id, outcome="refused")
        return Refusal.ERASED
    audit(work, "note.read", session_id)
    if row.note is None:
        return NoteView(session_id=session_id)
    key = keys_of(work, [row.case_id])[row.case_id]
    return NoteView(session_id=session_id, note=key.open(row.note, case=row.case_id, table="sessions", column="note"))


def _open_to(work: Work, row: Session) -> bool:
    if row.recorded_by == work.caller.subject:
        return True
    place = work.session.get(Place, row.facility)
    return AGENCY in work.caller.permissions and place is not None and place.agency == work.caller.agency


def _in_scope(work: Work, session_id: str) -> bool:
    mine = at_places_of(work.caller, col(Session.facility))
    found = work.session.execute(select(col(Session.position)).where(col(Session.session_id) == session_id, mine))
    return found.first() is not None
