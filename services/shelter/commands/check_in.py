"""People come."""

from datetime import date

import uuid_utils

from services.shelter.commands.entering import Entry, enter, none_twice, view_of
from services.shelter.commands.known import KnownStay, known_group
from services.shelter.commands.nights import tell_occupancy
from services.shelter.commands.places import happened, shelter_of
from services.shelter.commands.refusals import Refusals
from services.shelter.models import Facility
from services.shelter.problems import CheckedInAlready, IdTaken, ImpossibleDate, StayIsOver
from services.shelter.queries.stays import stays_of
from services.shelter.rules import Nights
from services.shelter.schemas import CheckIn, CheckInPerson, Stays
from shared.events.shelter import StayCheckedIn, StayCheckedOut
from shared.http.problems import Problem
from shared.work import Work


def check_in(work: Work, body: CheckIn) -> Stays:
    """Give each person a bed from the night of `on`, without an end until they leave.

    The same stay under the same id is answered as it stands. Raises FacilityUnknown, ImpossibleDate, StandsTwice,
    IdTaken, StayIsOver, CheckedInAlready, and what `enter` raises.
    """
    place = shelter_of(work, body.facility)
    occurred = happened(work, place, body.on, "#/on")
    refused = Refusals()
    none_twice(refused, body.people)
    people, known = known_group(work, place.code, body.people)
    stay_ids, entries = [], []
    for at, person in enumerate(body.people):
        stay_id = person.stay_id or str(uuid_utils.uuid7())
        stay_ids.append(stay_id)
        stay = known.get(stay_id)
        if stay is not None and (wrong := _not_the_same(stay, person, body)) is not None:
            refused.add(wrong, f"people/{at}/stay_id")
        elif stay is None or stay.status == "planned":
            _check_departure(work, place, person, at, body.on, refused)
            entries.append(_entry(at, stay_id, person, body.on, planned=stay is not None))
    given = enter(work, place, entries, people, known, refused)
    for entry, bed in given:
        fact = StayCheckedIn(stay=entry.stay_id, facility=place.code, room_type=bed.room_type, on=body.on)
        work.record(entry.case_id, fact, occurred)
        departure = body.people[entry.at].departure
        if departure is not None:
            left = StayCheckedOut(stay=entry.stay_id, facility=place.code, on=departure.on, reason=departure.reason)
            work.record(entry.case_id, left, happened(work, place, departure.on))
    if given:
        tell_occupancy(work, place, body.on, occurred)
    views = {entry.stay_id: view_of(entry, bed, place) for entry, bed in given}
    if len(views) < len(stay_ids):
        views |= stays_of(work.session, [stay_id for stay_id in stay_ids if stay_id not in views])
    return Stays(stays=[views[stay_id] for stay_id in stay_ids])


def _not_the_same(stay: KnownStay, person: CheckInPerson, body: CheckIn) -> type[Problem] | None:
    """Why the stay of that id is not the one that is asked for; None for a repeat, and for a plan that comes true."""
    if (stay.case_id, stay.facility) != (person.case_id, body.facility):
        return IdTaken
    if stay.status == "planned":
        return None
    if stay.status not in ("checked_in", "checked_out"):
        return StayIsOver
    if stay.nights.first != body.on:
        return CheckedInAlready if stay.status == "checked_in" else StayIsOver
    return None


def _check_departure(work: Work, place: Facility, person: CheckInPerson, at: int, on: date, refused: Refusals) -> None:
    if person.departure is None:
        return
    pointer = f"people/{at}/departure/on"
    if person.departure.on <= on:
        refused.add(ImpossibleDate, pointer, "a stay has one night at least")
        return
    try:
        happened(work, place, person.departure.on)
    except ImpossibleDate as wrong:
        refused.add(ImpossibleDate, pointer, wrong.detail)


def _entry(at: int, stay_id: str, person: CheckInPerson, on: date, *, planned: bool) -> Entry:
    departure = person.departure
    return Entry(
        at=at,
        stay_id=stay_id,
        case_id=person.case_id,
        nights=Nights(on, departure.on if departure and departure.on > on else None),
        choice=person,
        status="checked_out" if departure else "checked_in",
        reason=departure.reason if departure else None,
        planned=planned,
    )
