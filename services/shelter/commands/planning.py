"""Holding a bed for somebody, and giving it up again."""

import uuid_utils
from sqlalchemy import delete, update

from services.shelter.commands.entering import Entry, enter, none_twice, view_of
from services.shelter.commands.known import KnownStay, known_group, stay_in_scope
from services.shelter.commands.places import happened, shelter_of
from services.shelter.commands.refusals import Refusals
from services.shelter.models import Segment, Stay
from services.shelter.problems import IdTaken, ImpossibleDate, StayIsOver
from services.shelter.queries.stays import stays_of
from services.shelter.rules import Nights
from services.shelter.schemas import GiveUpPlan, PlanPerson, PlanStays, Stays, StayView
from shared.database.models import table_of
from shared.events.shelter import StayCancelled, StayNoShow, StayPlanned
from shared.work import Work


def plan_stays(work: Work, body: PlanStays) -> Stays:
    """Hold a bed for each person; a plan that is known under its id is answered as it stands.

    Raises FacilityUnknown, ImpossibleDate, StandsTwice, IdTaken, and what `enter` raises.
    """
    place = shelter_of(work, body.facility)
    refused = Refusals()
    none_twice(refused, body.people)
    people, known = known_group(work, place.code, body.people)
    stay_ids, entries = [], []
    for at, person in enumerate(body.people):
        stay_id = person.stay_id or str(uuid_utils.uuid7())
        stay_ids.append(stay_id)
        if person.until_date is not None and person.until_date <= person.from_date:
            refused.add(ImpossibleDate, f"people/{at}/until_date", "a stay has one night at least")
        elif stay_id not in known:
            nights = Nights(person.from_date, person.until_date)
            entries.append(Entry(at, stay_id, person.case_id, nights, person, status="planned"))
        elif not _same_plan(known[stay_id], person, place.code):
            refused.add(IdTaken, f"people/{at}/stay_id")
    given = enter(work, place, entries, people, known, refused)
    for entry, bed in given:
        fact = StayPlanned(
            stay=entry.stay_id,
            facility=place.code,
            room_type=bed.room_type,
            from_date=entry.nights.first,
            until_date=entry.nights.until,
        )
        work.record(entry.case_id, fact)
    views = {entry.stay_id: view_of(entry, bed, place) for entry, bed in given}
    if len(views) < len(stay_ids):
        views |= stays_of(work.session, [stay_id for stay_id in stay_ids if stay_id not in views])
    return Stays(stays=[views[stay_id] for stay_id in stay_ids])


def cancel_stay(work: Work, stay_id: str, body: GiveUpPlan) -> StayView:
    """The bed is needed no more. Raises StayUnknown, StayIsOver, ImpossibleDate."""
    return _give_up(work, stay_id, body, "cancelled")


def note_no_show(work: Work, stay_id: str, body: GiveUpPlan) -> StayView:
    """The person did not come. Raises StayUnknown, StayIsOver, ImpossibleDate (the first night is not there yet)."""
    return _give_up(work, stay_id, body, "no_show")


def _give_up(work: Work, stay_id: str, body: GiveUpPlan, status: str) -> StayView:
    stay, place = stay_in_scope(work, stay_id)
    occurred = happened(work, place, body.occurred_at)
    if stay.status not in ("planned", status):
        raise StayIsOver(f"the stay is {stay.status}")
    if stay.status == "planned":
        if status == "no_show":
            happened(work, place, stay.nights.first)
            fact: StayNoShow | StayCancelled = StayNoShow(stay=stay_id, facility=place.code)
        else:
            fact = StayCancelled(stay=stay_id, facility=place.code)
        stays, segments = table_of(Stay), table_of(Segment)
        work.session.execute(delete(segments).where(segments.c.stay_id == stay_id))
        work.session.execute(update(stays).where(stays.c.stay_id == stay_id).values(status=status))
        work.record(stay.case_id, fact, occurred)
    return stays_of(work.session, [stay_id])[stay_id]


def _same_plan(known: KnownStay, asked: PlanPerson, facility: str) -> bool:
    """A plan that became a stay meanwhile has dates of its own: only what cannot change is compared then."""
    if (known.case_id, known.facility) != (asked.case_id, facility):
        return False
    return known.nights == Nights(asked.from_date, asked.until_date) or known.status in ("checked_in", "checked_out")
