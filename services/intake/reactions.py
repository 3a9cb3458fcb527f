"""What intake does when another service speaks, with what `gather` has read for all of a batch.

A case or referral that is not known here (any more) is passed over: there is nothing that could be noted.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlmodel import col

from services.intake.commands.cases import locked
from services.intake.commands.places import hear_of_shelter
from services.intake.commands.referral import refuse, take_back
from services.intake.models import Case, Place, Referral
from shared.consuming.reactions import Reactions, Told
from shared.database.prepared import Entities
from shared.events.envelope import Event
from shared.events.facilities import FacilityOpened
from shared.events.shelter import ReferralAccepted, ReferralRejected, StayCheckedIn, StayCheckedOut
from shared.work import Work


def know_place(work: Work, event: Event, fact: FacilityOpened) -> None:
    """A shelter can be referred to once its operator told of it."""
    if fact.kind == "shelter":
        hear_of_shelter(work, fact)


def accept_referral(work: Work, event: Event, fact: ReferralAccepted) -> None:
    """Custody passes to the shelter: also where the referral was revoked meanwhile, the shelter has the person.

    Another shelter that was asked after such a revocation is asked no longer.
    """
    case, referral = _referred(work, event.subject, fact.referral)
    if case is None or referral is None:
        return
    referral.status = "accepted"
    if case.referral_status == "pending" and case.referral_id != referral.referral_id:
        take_back(work, case, work.session.get_one(Referral, case.referral_id))
    place = work.session.get(Place, referral.facility)
    case.referral_id, case.referral_status = referral.referral_id, "accepted"
    case.facility, case.facility_agency = referral.facility, place.agency if place else None


def reject_referral(work: Work, event: Event, fact: ReferralRejected) -> None:
    """The post keeps the person and asks elsewhere."""
    case, referral = _referred(work, event.subject, fact.referral)
    if case is not None and referral is not None and referral.status == "pending":
        referral.status = "rejected"
        refuse(case, referral)


def note_check_in(work: Work, event: Event, fact: StayCheckedIn) -> None:
    _note_stay(work, event.subject, fact.stay, "checked_in")


def note_check_out(work: Work, event: Event, fact: StayCheckedOut) -> None:
    _note_stay(work, event.subject, fact.stay, "checked_out")


REACTIONS: Reactions = {
    FacilityOpened: know_place,
    ReferralAccepted: accept_referral,
    ReferralRejected: reject_referral,
    StayCheckedIn: note_check_in,
    StayCheckedOut: note_check_out,
}


def gather(work: Work, told: Sequence[Told]) -> object:
    """The places that were answered for, kept with those who run them; the cases, locked; the referrals answered."""
    answers = [fact for _, fact in told if isinstance(fact, ReferralAccepted | ReferralRejected)]
    held: list[object] = []
    if answers:  # a place before its cases, as where it is handed over
        held += _PLACES.all(work.session, of_places=sorted({fact.facility for fact in answers}))
    held += locked(work, {event.subject for event, _ in told}).values()
    if answers:
        held += _REFERRALS.all(work.session, of_referrals=sorted({fact.referral for fact in answers}))
    return held


_PLACES = Entities(
    select(Place)
    .where(col(Place.code).in_(bindparam("of_places", expanding=True)))
    .order_by(col(Place.code))
    .with_for_update(read=True, key_share=True)
)
_REFERRALS = Entities(select(Referral).where(col(Referral.referral_id).in_(bindparam("of_referrals", expanding=True))))


def _note_stay(work: Work, case_id: str, stay: str, status: str) -> None:
    if (case := work.session.get(Case, case_id)) is not None:
        case.stay_id, case.stay_status = stay, status


def _referred(work: Work, case_id: str, referral_id: str) -> tuple[Case | None, Referral | None]:
    case, referral = work.session.get(Case, case_id), work.session.get(Referral, referral_id)
    return case, None if referral is None or referral.case_id != case_id else referral
