"""What shelter does when another service speaks: what is learnt is stored, in whichever order it comes."""

from datetime import UTC, datetime
from typing import Any

from sqlmodel import col

from services.shelter.models import Case, Referral
from shared.consuming.reactions import Reactions
from shared.database.models import table_of
from shared.database.prepared import Prepared, insert_in, upserting
from shared.events.envelope import Event
from shared.events.intake import CaseRegistered, CaseScreened, ReferralMade, ReferralRevoked
from shared.work import Work


def know_person(work: Work, event: Event, fact: CaseRegistered) -> None:
    """Sex decides about the room."""
    _learn(work, event.subject, {"sex": fact.sex, "age_band": fact.age_band})


def know_needs(work: Work, event: Event, fact: CaseScreened) -> None:
    """The newest finding holds."""
    _learn(work, event.subject, {"needs": [str(need) for need in fact.needs]})


def receive_referral(work: Work, event: Event, fact: ReferralMade) -> None:
    """The shelter is asked."""
    _learn(work, event.subject, {})
    _RECEIVE.write(work.session, [_referral(event, fact.referral, fact.facility, "pending")])


def take_back_referral(work: Work, event: Event, fact: ReferralRevoked) -> None:
    """An answer that was given before stands: intake hears it and follows."""
    _learn(work, event.subject, {})
    _TAKE_BACK.write(work.session, [_referral(event, fact.referral, fact.facility, "revoked")])


REACTIONS: Reactions = {
    CaseRegistered: know_person,
    CaseScreened: know_needs,
    ReferralMade: receive_referral,
    ReferralRevoked: take_back_referral,
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


def _learn(work: Work, case_id: str, known: dict[str, Any]) -> None:
    row = {"case_id": case_id, "sex": None, "age_band": None, "needs": []} | known
    upserting(table_of(Case), ("case_id",), tuple(known)).write(work.session, [row])


def _referral(event: Event, referral_id: str, facility: str, status: str) -> dict[str, Any]:
    return {
        "referral_id": referral_id,
        "case_id": event.subject,
        "facility": facility,
        "status": status,
        "made_at": datetime.fromisoformat(event.time).astimezone(UTC),
    }
