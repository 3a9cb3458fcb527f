"""What shelter forgets of a person who is erased: age and needs; no new bed is given to them.

It seals nothing. Nights stay for the figures, under an id that leads to nobody any more. The sex stays while it decides
about a room: who is in the house may still be moved and checked out.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlmodel import col

from services.shelter.models import Case, Referral
from shared.database.models import table_of
from shared.database.prepared import note
from shared.erasing.forgetting import Forgetting
from shared.security.secrets import Secrets

_CASES, _REFERRALS = table_of(Case), table_of(Referral)


def forget(session: Session, secrets: Secrets, cases: Sequence[str], now_ms: int) -> None:
    """See Forgetting."""
    gone: dict[str, Any] = {"age_band": None, "needs": [], "erased": True}
    note(session, _CASES, "case_id", {"sex": None}, [(case, gone) for case in cases])
    session.execute(
        update(_REFERRALS)
        .where(col(Referral.case_id).in_(cases), col(Referral.status) == "pending")
        .values(status="revoked")
    )


FORGETTING = Forgetting(forget, (_CASES,))
