"""People leave."""

from collections.abc import Mapping

from sqlalchemy import bindparam, update

from services.shelter.commands.entering import none_twice
from services.shelter.commands.known import known_people
from services.shelter.commands.nights import tell_occupancy
from services.shelter.commands.places import happened, shelter_of
from services.shelter.commands.refusals import Refusals
from services.shelter.models import Facility, Segment, Stay
from services.shelter.problems import CaseUnknown, ImpossibleDate, NotCheckedIn, StandsTwice, StayIsOver, StayUnknown
from services.shelter.queries.stays import stays_of_people
from services.shelter.schemas import CheckOut, CheckOutPerson, Stays, StayView
from shared.database.models import table_of
from shared.events.shelter import StayCheckedOut
from shared.work import Work

_stays, _segments = table_of(Stay), table_of(Segment)

_END_STAYS = (
    update(_stays)
    .where(_stays.c.stay_id.in_(bindparam("stay_ids", expanding=True)))
    .values(status="checked_out", until_date=bindparam("to_until"), reason=bindparam("to_reason"))
)
_END_SEGMENTS = (
    update(_segments)
    .where(_segments.c.stay_id.in_(bindparam("stay_ids", expanding=True)), _segments.c.until_date.is_(None))
    .values(until_date=bindparam("to_until"))
)


def check_out(work: Work, body: CheckOut) -> Stays:
    """The beds are free from the night of `on`. Who left on that day for that reason is answered as they stand.

    Raises FacilityUnknown, CaseUnknown, StayUnknown, NotCheckedIn, StayIsOver, StandsTwice, ImpossibleDate.
    """
    place = shelter_of(work, body.facility)
    occurred = happened(work, place, body.on, "#/on")
    refused = Refusals()
    none_twice(refused, body.people)
    meant = _stays_meant(work, place, body, refused)
    refused.raise_any()
    leaving = {at: stay for at, stay in meant.items() if stay.status == "checked_in"}
    _check_dates(body, leaving, refused)
    refused.raise_any()
    if leaving:
        gone = [stay.stay_id for stay in leaving.values()]
        connection = work.session.connection()
        connection.execute(_END_STAYS, {"stay_ids": gone, "to_until": body.on, "to_reason": body.reason})
        connection.execute(_END_SEGMENTS, {"stay_ids": gone, "to_until": body.on})
        for stay in leaving.values():
            fact = StayCheckedOut(stay=stay.stay_id, facility=place.code, on=body.on, reason=body.reason)
            work.record(stay.case_id, fact, occurred)
        tell_occupancy(work, place, body.on, occurred)
    return Stays(stays=[_ended(stay, body) if at in leaving else stay for at, stay in meant.items()])


def _stays_meant(work: Work, place: Facility, body: CheckOut, refused: Refusals) -> dict[int, StayView]:
    """For each person, by place in the request, the stay that ends, or that ended so before."""
    asked_cases = [person.case_id for person in body.people if person.case_id is not None]
    asked_stays = [person.stay_id for person in body.people if person.stay_id is not None]
    by_name: dict[str, list[StayView]] = {}
    for stay in stays_of_people(work.session, place.code, asked_stays, asked_cases).values():
        by_name.setdefault(stay.case_id, []).append(stay)
        by_name.setdefault(stay.stay_id, []).append(stay)
    meant: dict[int, StayView] = {}
    lost: list[tuple[int, str]] = []
    for at, person in enumerate(body.people):
        named = by_name.get(person.stay_id or person.case_id or "", [])
        candidates = [stay for stay in named if person.case_id in (None, stay.case_id)]
        ending = _ending(candidates, body)
        if ending is not None:
            meant[at] = ending
        elif person.stay_id is not None:
            refused.add(StayIsOver if candidates else StayUnknown, f"people/{at}/stay_id")
        else:
            lost.append((at, str(person.case_id)))
    known = known_people(work, place.code, [case_id for _, case_id in lost]) if lost else {}
    for at, case_id in lost:
        refused.add(NotCheckedIn if case_id in known else CaseUnknown, f"people/{at}/case_id")
    _none_meant_twice(meant, body.people, refused)
    return meant


def _ending(candidates: list[StayView], body: CheckOut) -> StayView | None:
    here = [stay for stay in candidates if stay.status == "checked_in"]
    left_so = [
        stay
        for stay in candidates
        if (stay.status, stay.until_date, stay.reason) == ("checked_out", body.on, body.reason)
    ]
    return next(iter(left_so + here), None)


def _none_meant_twice(meant: Mapping[int, StayView], people: list[CheckOutPerson], refused: Refusals) -> None:
    """One by case and once more by stay is twice as well."""
    seen: set[str] = set()
    for at, stay in meant.items():
        if stay.stay_id in seen:
            refused.add(StandsTwice, f"people/{at}/{'stay_id' if people[at].stay_id else 'case_id'}")
        seen.add(stay.stay_id)


def _check_dates(body: CheckOut, leaving: Mapping[int, StayView], refused: Refusals) -> None:
    early = {at: stay for at, stay in leaving.items() if body.on <= stay.segments[-1].from_date}
    if early:
        refused.add(ImpossibleDate, "on", "must be later than the check-in, or the last move, of everyone who leaves")
    for at, stay in early.items():
        came = "came" if body.on <= stay.from_date else "was moved"
        refused.add(ImpossibleDate, f"people/{at}", f"{came} on that day or later")


def _ended(stay: StayView, body: CheckOut) -> StayView:
    """The stay as it stands now."""
    *before, last = stay.segments
    return stay.model_copy(
        update={
            "status": "checked_out",
            "until_date": body.on,
            "reason": body.reason,
            "segments": [*before, last.model_copy(update={"until_date": body.on})],
        }
    )
