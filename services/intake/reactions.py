"""What intake does when another service speaks.

A case or referral that is not known here (any more) is passed over: there is nothing that could be noted.
"""

from sqlalchemy import bindparam, select, update
from sqlmodel import col

from services.intake.commands.places import hear_of_shelter, known_place
from services.intake.commands.referral import refuse, take_back
from services.intake.models import Case, Referral
from shared.consuming.reactions import Reactions
from shared.database.models import table_of
from shared.database.prepared import Prepared
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
    for other in work.session.scalars(_PENDING, {"of_case": case.case_id}):
        if other is not referral:
            take_back(work, case, other)
    place = known_place(work, referral.facility, kept=True)
    case.referral_id, case.referral_status = referral.referral_id, "accepted"
    case.facility, case.facility_agency = referral.facility, place.agency if place else None


def reject_referral(work: Work, event: Event, fact: ReferralRejected) -> None:
    """The post keeps the person and asks elsewhere."""
    case, referral = _referred(work, event.subject, fact.referral)
    if case is not None and referral is not None and referral.status == "pending":
        referral.status = "rejected"
        refuse(case, referral)


def note_check_in(work: Work, event: Event, fact: StayCheckedIn) -> None:
    _note_stay(work, event.subject, "checked_in")


def note_check_out(work: Work, event: Event, fact: StayCheckedOut) -> None:
    _note_stay(work, event.subject, "checked_out")


REACTIONS: Reactions = {
    FacilityOpened: know_place,
    ReferralAccepted: accept_referral,
    ReferralRejected: reject_referral,
    StayCheckedIn: note_check_in,
    StayCheckedOut: note_check_out,
}


_CASE = select(Case).where(col(Case.case_id) == bindparam("of_case")).with_for_update()
_REFERRAL = select(Referral).where(
    col(Referral.referral_id) == bindparam("of_referral"), col(Referral.case_id) == bindparam("of_case")
)
_PENDING = select(Referral).where(col(Referral.case_id) == bindparam("of_case"), col(Referral.status) == "pending")
_NOTE_STAY = Prepared(
    update(table_of(Case))
    .where(table_of(Case).c.case_id == bindparam("of_case"))
    .values(stay_status=bindparam("to_status"))
)


def _note_stay(work: Work, case_id: str, status: str) -> None:
    _NOTE_STAY.write(work.session, [{"of_case": case_id, "to_status": status}])


def _case(work: Work, case_id: str) -> Case | None:
    return work.session.scalars(_CASE, {"of_case": case_id}).one_or_none()


def _referred(work: Work, case_id: str, referral_id: str) -> tuple[Case | None, Referral | None]:
    case = _case(work, case_id)
    return case, work.session.scalars(_REFERRAL, {"of_referral": referral_id, "of_case": case_id}).one_or_none()
