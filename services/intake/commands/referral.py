"""Referral: a shelter is asked, and answers; until it accepts, the arrival point has custody."""

from datetime import UTC

import uuid_utils
from sqlalchemy import select
from sqlmodel import col

from services.intake.commands.cases import one_case, these_cases
from services.intake.commands.places import happened, shelter
from services.intake.models import Case, Referral
from services.intake.problems import CaseUnknown, ReferralAnswered, ReferredAlready
from services.intake.schemas import MakeReferrals, Referrals, ReferralView, RevokeReferral
from shared.events.intake import ReferralMade, ReferralRevoked
from shared.http.problems import Fault
from shared.work import Work


def make_referrals(work: Work, body: MakeReferrals) -> Referrals:
    """Ask a shelter for each of the people; a person who is asked for there already is answered as they stand.

    Raises CaseUnknown, CaseIsClosed, PlaceUnknown, ReferredAlready (elsewhere), ImpossibleDate.
    """
    place = shelter(work, body.facility, "#/facility")
    cases = these_cases(work, body.cases)
    elsewhere = [
        Fault("referred to another shelter", f"#/cases/{at}")
        for at, case in enumerate(cases)
        if case.referral_status in ("pending", "accepted") and case.facility != body.facility
    ]
    if elsewhere:
        raise ReferredAlready(errors=elsewhere)
    referrals = []
    for case in cases:
        if case.referral_status in ("pending", "accepted"):
            referrals.append(_current(work, case))
            continue
        occurred = happened(work, body.occurred_at, case.arrival_point)
        referral = Referral(
            referral_id=str(uuid_utils.uuid7()),
            case_id=case.case_id,
            facility=body.facility,
            status="pending",
            made_at=occurred.astimezone(UTC),
        )
        work.session.add(referral)
        referrals.append(referral)
        case.referral_status, case.facility, case.facility_agency = "pending", place.code, place.agency
        work.record(case.case_id, ReferralMade(referral=referral.referral_id, facility=place.code), occurred)
    return Referrals(referrals=[referral_view(referral) for referral in referrals])


def revoke_referral(work: Work, referral_id: str, body: RevokeReferral) -> ReferralView:
    """Take a referral back that has no answer yet. Raises CaseUnknown, ReferralAnswered, ImpossibleDate."""
    referral = work.session.get(Referral, referral_id)
    if referral is None:
        raise CaseUnknown("no such referral")
    case = one_case(work, referral.case_id)
    if referral.status == "revoked":
        return referral_view(referral)
    if referral.status != "pending":
        raise ReferralAnswered
    occurred = happened(work, body.occurred_at, case.arrival_point)
    referral.status = case.referral_status = "revoked"
    work.record(case.case_id, ReferralRevoked(referral=referral_id, facility=referral.facility), occurred)
    return referral_view(referral)


def _current(work: Work, case: Case) -> Referral:
    return work.session.scalars(
        select(Referral)
        .where(col(Referral.case_id) == case.case_id, col(Referral.status).in_(("pending", "accepted")))
        .order_by(col(Referral.made_at).desc())
        .limit(1)
    ).one()


def referral_view(referral: Referral) -> ReferralView:
    return ReferralView(
        referral_id=referral.referral_id,
        case_id=referral.case_id,
        facility=referral.facility,
        status=referral.status,
    )
