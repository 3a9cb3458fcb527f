"""Referral: a shelter is asked, and answers; until it accepts, the arrival point has custody."""

from datetime import UTC, datetime

import uuid_utils
from sqlalchemy import select
from sqlmodel import col

from services.intake.commands.cases import moment_of, moments_of, one_case, these_cases
from services.intake.commands.places import shelter
from services.intake.models import Case, Referral
from services.intake.problems import CaseIsClosed, CaseUnknown, ReferralAnswered, ReferralUnknown, ReferredAlready
from services.intake.schemas.referral import MakeReferrals, Referrals, ReferralView, RevokeReferral
from shared.events.intake import ReferralMade, ReferralRevoked
from shared.http.faults import Fault
from shared.work import Work


def make_referrals(work: Work, body: MakeReferrals) -> Referrals:
    """Ask a shelter for each of the people; a person who is asked for there already is answered as they stand.

    Raises NamedTwice, CaseUnknown, CaseIsClosed, PlaceUnknown, ReferredAlready (elsewhere), ImpossibleDate.
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
    moments = moments_of(work, body.occurred_at, cases)
    held = _held(work, [case for case in cases if case.referral_status in ("pending", "accepted")])
    referrals = []
    for case in cases:
        if case.case_id in held:
            referrals.append(held[case.case_id])
            continue
        occurred = moments[case.case_id]
        referral = Referral(
            referral_id=str(uuid_utils.uuid7()),
            case_id=case.case_id,
            facility=body.facility,
            status="pending",
            made_at=occurred.astimezone(UTC),
        )
        work.session.add(referral)
        referrals.append(referral)
        case.referral_id, case.referral_status = referral.referral_id, "pending"
        case.facility, case.facility_agency = place.code, place.agency
        work.record(case.case_id, ReferralMade(referral=referral.referral_id, facility=place.code), occurred)
    return Referrals(referrals=[referral_view(referral) for referral in referrals])


def revoke_referral(work: Work, referral_id: str, body: RevokeReferral) -> ReferralView:
    """Take a referral back that has no answer yet; one that was taken back before is answered as it stands.

    Raises ReferralUnknown, CaseIsClosed, ReferralAnswered, ImpossibleDate.
    """
    case_id = work.session.scalar(select(col(Referral.case_id)).where(col(Referral.referral_id) == referral_id))
    try:
        case = one_case(work, case_id or "", open_only=False)
    except CaseUnknown:
        raise ReferralUnknown from None
    referral = work.session.get_one(Referral, referral_id)  # read after the case is locked: it has its answer by now
    if referral.status == "revoked":
        return referral_view(referral)
    if referral.status != "pending":
        raise ReferralAnswered
    if case.status == "closed":
        raise CaseIsClosed
    take_back(work, case, referral, moment_of(work, body.occurred_at, case))
    return referral_view(referral)


def take_back(work: Work, case: Case, referral: Referral, occurred: datetime | None = None) -> None:
    """The asking side withdraws the question."""
    referral.status = "revoked"
    refuse(case, referral)
    work.record(case.case_id, ReferralRevoked(referral=referral.referral_id, facility=referral.facility), occurred)


def refuse(case: Case, referral: Referral) -> None:
    """The shelter that was asked has no more to do with the case: a pending referral is always the one that counts."""
    case.referral_status, case.facility, case.facility_agency = referral.status, None, None


def _held(work: Work, cases: list[Case]) -> dict[str, Referral]:
    """The referral that counts, by case."""
    if not cases:
        return {}
    wanted = select(Referral).where(col(Referral.referral_id).in_([case.referral_id for case in cases]))
    return {referral.case_id: referral for referral in work.session.scalars(wanted)}


def referral_view(referral: Referral) -> ReferralView:
    return ReferralView(
        referral_id=referral.referral_id,
        case_id=referral.case_id,
        facility=referral.facility,
        status=referral.status,
    )
