"""What intake does when another service speaks."""

from typing import Any

from sqlalchemy import select
from sqlmodel import col

from services.intake.models import Case, Place, Referral
from shared.consuming.reactions import Reactions
from shared.events.envelope import Event
from shared.events.facilities import FacilityOpened
from shared.events.shelter import ReferralAccepted, ReferralRejected, StayCheckedIn, StayCheckedOut
from shared.work import Work


def know_place(work: Work, event: Event, fact: FacilityOpened) -> None:
    """A shelter can be referred to once its operator told of it."""
    if fact.kind != "shelter":
        return
    place = work.session.get(Place, fact.facility)
    if place is None:
        work.session.add(Place(code=fact.facility, **_particulars(fact)))
    else:
        place.sqlmodel_update(_particulars(fact) | {"version": place.version + 1})


def accept_referral(work: Work, event: Event, fact: ReferralAccepted) -> None:
    """Custody passes to the shelter: also where the referral was revoked meanwhile, the shelter has the person."""
    case, referral = _referred(work, event.subject, fact.referral)
    referral.status = "accepted"
    case.referral_status, case.facility = "accepted", fact.facility
    place = work.session.get(Place, fact.facility)
    if place is not None:
        case.facility_agency = place.agency


def reject_referral(work: Work, event: Event, fact: ReferralRejected) -> None:
    """The post keeps the person and asks elsewhere."""
    case, referral = _referred(work, event.subject, fact.referral)
    if referral.status == "pending":
        referral.status = case.referral_status = "rejected"


def note_check_in(work: Work, event: Event, fact: StayCheckedIn) -> None:
    _case(work, event.subject).stay_status = "checked_in"


def note_check_out(work: Work, event: Event, fact: StayCheckedOut) -> None:
    _case(work, event.subject).stay_status = "checked_out"


REACTIONS: Reactions = {
    FacilityOpened: know_place,
    ReferralAccepted: accept_referral,
    ReferralRejected: reject_referral,
    StayCheckedIn: note_check_in,
    StayCheckedOut: note_check_out,
}


def _particulars(fact: FacilityOpened) -> dict[str, Any]:
    return fact.model_dump(include={"kind", "name", "agency", "regency", "time_zone"})


def _case(work: Work, case_id: str) -> Case:
    return work.session.scalars(select(Case).where(col(Case.case_id) == case_id).with_for_update()).one()


def _referred(work: Work, case_id: str, referral_id: str) -> tuple[Case, Referral]:
    return _case(work, case_id), work.session.get_one(Referral, referral_id)
