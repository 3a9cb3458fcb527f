"""The shelter's answer to a referral: with the acceptance, custody passes to it."""

from collections.abc import Callable

from sqlalchemy import select, update
from sqlmodel import col

from services.shelter.commands.places import happened, shelter_of
from services.shelter.commands.refusals import Refusals
from services.shelter.models import Referral
from services.shelter.problems import ReferralAnswered, ReferralUnknown, StandsTwice
from services.shelter.schemas import AcceptReferrals, AnsweredReferral, AnsweredReferrals, RejectReferrals
from shared.database.models import table_of
from shared.events.fact import Fact
from shared.events.shelter import ReferralAccepted, ReferralRejected
from shared.work import Work


def accept_referrals(work: Work, body: AcceptReferrals) -> AnsweredReferrals:
    """Take the people in; one who was accepted before is answered as it stands.

    Raises FacilityUnknown, ReferralUnknown, ReferralAnswered, StandsTwice, ImpossibleDate.
    """
    return _answer(
        work, body, "accepted", None, lambda referral: ReferralAccepted(referral=referral, facility=body.facility)
    )


def reject_referrals(work: Work, body: RejectReferrals) -> AnsweredReferrals:
    """Say that the people cannot be taken in; one who was rejected before is answered as it stands.

    Raises FacilityUnknown, ReferralUnknown, ReferralAnswered, StandsTwice, ImpossibleDate.
    """
    return _answer(
        work,
        body,
        "rejected",
        body.reason,
        lambda referral: ReferralRejected(referral=referral, facility=body.facility, reason=body.reason),
    )


def _answer(
    work: Work, body: AcceptReferrals, answer: str, reason: str | None, telling: Callable[[str], Fact]
) -> AnsweredReferrals:
    place = shelter_of(work, body.facility)
    occurred = happened(work, place, body.occurred_at)
    found = {
        referral.referral_id: referral
        for referral in work.session.scalars(
            select(Referral)
            .where(col(Referral.referral_id).in_(sorted(set(body.referrals))), col(Referral.facility) == place.code)
            .order_by(col(Referral.case_id), col(Referral.referral_id))  # as reactions do: case by case
            .with_for_update()
        )
    }
    refused, seen = Refusals(), set[str]()
    for at, asked in enumerate(body.referrals):
        referral = found.get(asked)
        if asked in seen:
            refused.add(StandsTwice, f"referrals/{at}")
        elif referral is None:
            refused.add(ReferralUnknown, f"referrals/{at}")
        elif referral.status != "pending" and (referral.status, referral.reason) != (answer, reason):
            refused.add(ReferralAnswered, f"referrals/{at}", f"is {referral.status}")
        seen.add(asked)
    refused.raise_any()
    waiting = [found[asked] for asked in body.referrals if found[asked].status == "pending"]
    if waiting:
        work.session.execute(
            update(table_of(Referral))
            .where(col(Referral.referral_id).in_([referral.referral_id for referral in waiting]))
            .values(status=answer, reason=reason)
        )
    for referral in waiting:
        work.record(referral.case_id, telling(referral.referral_id), occurred)
    return AnsweredReferrals(
        referrals=[
            AnsweredReferral(referral_id=asked, case_id=found[asked].case_id, facility=place.code, status=answer)
            for asked in body.referrals
        ]
    )
