"""The journey home, as a trip of one or many people: planned, departed, arrived and handed over to a regency."""

from collections.abc import Sequence
from datetime import UTC

from sqlalchemy import bindparam, select
from sqlmodel import col

from services.intake.commands.cases import in_scope_of, locked, these_cases
from services.intake.commands.places import KnownPlace, happened, shelter, time_zone_of
from services.intake.models import Case, Seat, Trip
from services.intake.problems import (
    CaseIsClosed,
    CaseUnknown,
    IdTaken,
    ImpossibleDate,
    NotInHand,
    PlaceUnknown,
    RegencyUnknown,
    ReturnNotPossible,
    TripUnknown,
)
from services.intake.queries import state_of
from services.intake.rules import custodian, same_moment_or_later, trip_status
from services.intake.schemas.returning import ArriveTrip, DepartTrip, PlanTrip, SeatView, TripView
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.events.intake import ReturnArrived, ReturnDeparted, ReturnPlanned
from shared.http.faults import Fault
from shared.http.problems import Problem
from shared.regions import is_regency
from shared.security.access import reaches
from shared.times import local_date
from shared.work import Work


def plan_trip(work: Work, body: PlanTrip) -> TripView:
    """Give people in a shelter's hands seats on a trip. The same trip again is answered as it stands.

    Raises PlaceUnknown, RegencyUnknown, NamedTwice, CaseUnknown, PersonErased, CaseIsClosed, IdTaken, NotInHand,
    ReturnNotPossible (on another trip), ImpossibleDate.
    """
    place = shelter(work, body.from_facility, "#/from_facility")
    if not reaches(work.caller, place.code, place.agency):
        raise PlaceUnknown(pointer="#/from_facility")
    if (known := work.session.get(Trip, body.id)) is not None:
        return _same_trip(work, known, body)
    if nowhere := [at for at, seat in enumerate(body.people) if not is_regency(seat.regency)]:
        raise RegencyUnknown(errors=[Fault("no such regency", f"#/people/{at}/regency") for at in nowhere])
    _must_seem_in_hand(work, place, body)
    cases = these_cases(work, [seat.case_id for seat in body.people], pointer="#/people/{}/case_id")
    if (known := work.session.get(Trip, body.id)) is not None:  # planned while we waited for its people
        return _same_trip(work, known, body)
    _must_be_able_to_travel(cases, place, body)
    occurred = None if body.occurred_at is None else happened(work, body.occurred_at, place.time_zone)
    trip = Trip(
        trip_id=body.id,
        mode=body.mode,
        from_facility=place.code,
        facility_agency=place.agency,
        departs_on=body.departs_on,
    )
    seats = [Seat(trip_id=body.id, case_id=wanted.case_id, regency=wanted.regency) for wanted in body.people]
    work.session.add_all([trip, *seats])
    for case, seat in zip(cases, seats, strict=True):
        case.return_status = "planned"
        fact = ReturnPlanned(
            trip=body.id,
            mode=body.mode,
            from_facility=place.code,
            regency=seat.regency,
            departs_on=body.departs_on,
        )
        work.record(case.case_id, fact, occurred)
    return trip_view(trip, seats)


def depart_trip(work: Work, trip_id: str, body: DepartTrip) -> TripView:
    """Everyone with a seat leaves. Repeating it changes nothing. Raises TripUnknown, ImpossibleDate."""
    trip, seats, cases = _trip(work, trip_id)
    waiting = [seat for seat in seats if seat.status == "planned"]
    if not waiting:
        return trip_view(trip, seats)
    zone = time_zone_of(work, trip.from_facility)
    occurred = happened(work, body.occurred_at, zone)
    if local_date(body.occurred_at, zone) < max(cases[seat.case_id].arrival_date for seat in waiting):
        raise ImpossibleDate("lies before the arrival of someone on the trip", pointer="#/occurred_at")
    trip.departed_at = occurred.astimezone(UTC)
    for seat in waiting:
        seat.status = cases[seat.case_id].return_status = "departed"
        work.record(seat.case_id, ReturnDeparted(trip=trip_id), occurred)
    return trip_view(trip, seats)


def arrive_trip(work: Work, trip_id: str, body: ArriveTrip) -> TripView:
    """Hand people over to the social office of their regency. Who arrived before is left as they are.

    Raises TripUnknown, CaseUnknown (not on this trip), CaseIsClosed (left the trip), ReturnNotPossible (not departed
    yet), ImpossibleDate (before the departure, or in the future).
    """
    trip, seats, cases = _trip(work, trip_id)
    by_case = {seat.case_id: seat for seat in seats}
    asked = body.cases if body.cases is not None else [seat.case_id for seat in seats if seat.status == "departed"]
    status = {one: by_case[one].status if one in by_case else "none" for one in asked}
    for problem, wrong, detail in (
        (CaseUnknown, "none", "not on this trip"),
        (CaseIsClosed, "cancelled", "left the trip when the case was closed"),
        (ReturnNotPossible, "planned", "has not departed"),
    ):
        if faults := [Fault(detail, f"#/cases/{at}") for at, one in enumerate(asked) if status[one] == wrong]:
            raise problem(errors=faults)
    if trip.departed_at is None:
        raise ReturnNotPossible("the trip has not departed")
    zone = time_zone_of(work, trip.from_facility)
    occurred = happened(work, body.occurred_at, zone)
    if not same_moment_or_later(body.occurred_at, trip.departed_at, zone):
        raise ImpossibleDate("lies before the departure", pointer="#/occurred_at")
    for seat in [by_case[one] for one in dict.fromkeys(asked) if status[one] == "departed"]:
        seat.status = cases[seat.case_id].return_status = "arrived"
        work.record(seat.case_id, ReturnArrived(trip=trip_id, regency=seat.regency), occurred)
    return trip_view(trip, seats)


def _must_seem_in_hand(work: Work, place: KnownPlace, body: PlanTrip) -> None:
    """Raises NotInHand without a lock: who asks again and again would hold up the very news that he waits for.

    Says nothing of cases with another fault: that is found under their locks.
    """
    rows = {row.case_id: row for row in _AT_A_GLANCE.all(work.session, of_cases=[one.case_id for one in body.people])}
    cases = [rows[seat.case_id] for seat in body.people if seat.case_id in rows]
    fit = [case for case in cases if case.status == "open" and case.return_status == "none"]
    if len(fit) == len(body.people) and all(in_scope_of(work.caller, case) for case in fit):
        _must_be_in_hand(fit, place)


def _must_be_in_hand(cases: Sequence[Case], place: KnownPlace) -> None:
    _none_may_be([custodian(state_of(case)) != place.code for case in cases], NotInHand, "not in hand here")


def _must_be_able_to_travel(cases: Sequence[Case], place: KnownPlace, body: PlanTrip) -> None:
    """Raises one problem that names everyone of whom it is true."""
    _none_may_be([case.return_status != "none" for case in cases], ReturnNotPossible, "on a journey already")
    _must_be_in_hand(cases, place)
    _none_may_be([body.departs_on < case.arrival_date for case in cases], ImpossibleDate, "arrives after that")


def _none_may_be(unfit: Sequence[bool], problem: type[Problem], why: str) -> None:
    if any(unfit):
        raise problem(errors=[Fault(why, f"#/people/{at}/case_id") for at, bad in enumerate(unfit) if bad])


def _same_trip(work: Work, known: Trip, body: PlanTrip) -> TripView:
    seats = list(work.session.scalars(select(Seat).where(col(Seat.trip_id) == known.trip_id)))
    same = (known.from_facility, known.departs_on, known.mode) == (body.from_facility, body.departs_on, body.mode)
    people = {(seat.case_id, seat.regency) for seat in seats}
    if not same or people != {(seat.case_id, seat.regency) for seat in body.people}:
        raise IdTaken(pointer="#/id")
    return trip_view(known, seats)


def _trip(work: Work, trip_id: str) -> tuple[Trip, list[Seat], dict[str, Case]]:
    """A trip in scope and its people, locked. The seats are read last: closing a case gives one up under its lock."""
    of_trip = {"of_trip": trip_id}
    trip = work.session.scalars(_TRIP, of_trip).one_or_none()
    if trip is None or not reaches(work.caller, trip.from_facility, trip.facility_agency):
        raise TripUnknown
    cases = locked(work, work.session.scalars(_PEOPLE, of_trip).all())
    return trip, list(work.session.scalars(_SEATS, of_trip)), cases


_AT_A_GLANCE = Prepared(select(table_of(Case)).where(col(Case.case_id).in_(bindparam("of_cases", expanding=True))))
_TRIP = select(Trip).where(col(Trip.trip_id) == bindparam("of_trip")).with_for_update()
_PEOPLE = select(col(Seat.case_id)).where(col(Seat.trip_id) == bindparam("of_trip"))
_SEATS = select(Seat).where(col(Seat.trip_id) == bindparam("of_trip")).order_by(col(Seat.case_id))


def trip_view(trip: Trip, seats: Sequence[Seat]) -> TripView:
    return TripView(
        trip_id=trip.trip_id,
        mode=trip.mode,
        from_facility=trip.from_facility,
        departs_on=trip.departs_on,
        status=trip_status([seat.status for seat in seats]),
        people=[SeatView(case_id=s.case_id, regency=s.regency, status=s.status) for s in seats],
    )
