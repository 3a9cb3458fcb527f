"""What shelter does when another service speaks: what is learnt is stored, in whichever order it comes."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, col

from services.shelter.models import Case, Referral
from shared.consuming.reactions import Reactions
from shared.database.models import table_of
from shared.database.upsert import upsert
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
    connection = work.session.connection()
    row = _referral(event, fact.referral, fact.facility, "pending")
    connection.execute(upsert(connection, table_of(Referral), ("referral_id",)), row)


def take_back_referral(work: Work, event: Event, fact: ReferralRevoked) -> None:
    """An answer that was given before stands: intake hears it and follows."""
    _learn(work, event.subject, {})
    new = _insert(work, Referral).values(_referral(event, fact.referral, fact.facility, "revoked"))
    work.session.execute(
        new.on_conflict_do_update(
            index_elements=["referral_id"],
            set_={"status": "revoked"},
            where=col(Referral.status) == "pending",
        )
    )


REACTIONS: Reactions = {
    CaseRegistered: know_person,
    CaseScreened: know_needs,
    ReferralMade: receive_referral,
    ReferralRevoked: take_back_referral,
}


def _insert(work: Work, model: type[SQLModel]) -> Any:
    """An insert that can say what happens where the row is there already."""
    dialect = sqlite if work.session.get_bind().dialect.name == "sqlite" else postgresql
    return dialect.insert(table_of(model))


def _learn(work: Work, case_id: str, known: dict[str, Any]) -> None:
    connection = work.session.connection()
    row = {"case_id": case_id, "sex": None, "age_band": None, "needs": []} | known
    connection.execute(upsert(connection, table_of(Case), ("case_id",), tuple(known)), row)


def _referral(event: Event, referral_id: str, facility: str, status: str) -> dict[str, Any]:
    return {
        "referral_id": referral_id,
        "case_id": event.subject,
        "facility": facility,
        "status": status,
        "made_at": datetime.fromisoformat(event.time).astimezone(UTC),
    }
