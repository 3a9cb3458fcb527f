"""What shelter does when another service speaks: what is learnt is stored, in whichever order it comes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlmodel import col

from services.shelter.commands.forgetting import FORGETTING
from services.shelter.models import Case, Referral
from shared.consuming.reactions import Reactions, Together, Told
from shared.database.models import table_of
from shared.database.prepared import Prepared, insert_in, note, upserting
from shared.erasing.forgetting import erasing
from shared.events.envelope import Event
from shared.events.intake import CaseErased, CaseRegistered, CaseScreened, ReferralMade, ReferralRevoked
from shared.work import Work


def know_people(work: Work, told: Sequence[Told]) -> None:
    """Sex decides about the room."""
    _learn(work, [(event.subject, {"sex": fact.sex, "age_band": fact.age_band}) for event, fact in told])


def know_needs(work: Work, told: Sequence[Told]) -> None:
    """The newest finding holds."""
    _learn(work, [(event.subject, {"needs": [str(need) for need in fact.needs]}) for event, fact in told])


def note_referrals(work: Work, told: Sequence[Told]) -> None:
    """The shelter is asked, or no longer. An answer that was given before stands: intake hears it and follows.

    Referrals are locked in the order of their ids, as by those who answer several.
    """
    _learn(work, [(event.subject, {}) for event, _ in told])
    for statement, kind, status in ((_RECEIVE, ReferralMade, "pending"), (_TAKE_BACK, ReferralRevoked, "revoked")):
        rows = [_referral(event, fact, status) for event, fact in told if isinstance(fact, kind)]
        statement.write(work.session, sorted(rows, key=lambda row: str(row["referral_id"])))


REACTIONS: Reactions = {}
TOGETHER: Together = {
    (CaseRegistered,): know_people,
    (CaseScreened,): know_needs,
    (ReferralMade, ReferralRevoked): note_referrals,
    (CaseErased,): erasing(FORGETTING),
}


def _taking_back(dialect: str) -> Any:
    new = insert_in(dialect, table_of(Referral))
    return new.on_conflict_do_update(
        index_elements=["referral_id"],
        set_={"status": new.excluded.status},
        where=col(Referral.status) == "pending",
    )


_RECEIVE = upserting(table_of(Referral), ("referral_id",))
_TAKE_BACK = Prepared(_taking_back)


def _learn(work: Work, known: Sequence[tuple[str, dict[str, Any]]]) -> None:
    note(work.session, table_of(Case), "case_id", {"sex": None, "age_band": None, "needs": [], "erased": False}, known)


def _referral(event: Event, fact: ReferralMade | ReferralRevoked, status: str) -> dict[str, Any]:
    return {
        "referral_id": fact.referral,
        "case_id": event.subject,
        "facility": fact.facility,
        "status": status,
        "made_at": datetime.fromisoformat(event.time).astimezone(UTC),
    }
