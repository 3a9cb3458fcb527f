"""Whom the shelters are asked to take in."""

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from services.shelter.models import Case, Referral
from services.shelter.queries.facilities import in_scope
from services.shelter.schemas import ReferralView
from shared.security.tokens import Caller


def list_referrals(
    session: Session, caller: Caller, status: str | None, facility: str | None, after: str, limit: int
) -> list[ReferralView]:
    """Referrals by id, which is the order in which they were made."""
    query = (
        select(Referral, col(Case.sex), col(Case.age_band), col(Case.needs))
        .join(Case, col(Case.case_id) == col(Referral.case_id))
        .where(in_scope(caller, col(Referral.facility)), col(Referral.referral_id) > after)
    )
    if status is not None:
        query = query.where(col(Referral.status) == status)
    if facility is not None:
        query = query.where(col(Referral.facility) == facility)
    rows = session.execute(query.order_by(col(Referral.referral_id)).limit(limit))
    return [
        ReferralView(
            referral_id=referral.referral_id,
            case_id=referral.case_id,
            facility=referral.facility,
            status=referral.status,
            reason=referral.reason,
            sex=sex,
            age_band=band,
            needs=needs,
        )
        for referral, sex, band, needs in rows
    ]
