"""The journey home, as a trip of one or many people: planned, departed, arrived and handed over to a regency."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from services.intake.commands.cases import these_cases
from services.intake.commands.places import happened, shelter
from services.intake.models import Case, Seat, Trip
from services.intake.problems import CaseUnknown, IdTaken, OutsideScope, ReturnNotPossible
from services.intake.schemas import ArriveTrip, DepartTrip, PlanTrip, SeatView, TripView
from shared.events.intake import ReturnArrived, ReturnDeparted, ReturnPlanned
from shared.http.problems import Fault
from shared.security.access import reaches
from shared.work import Work


def plan_trip(work: Work, body: PlanTrip) -> TripView:
    """Give people seats on a trip. The same trip with the same people again is answered as it stands.

    Raises PlaceUnknown, OutsideScope, CaseUnknown, CaseIsClosed, IdTaken, ReturnNotPossible (on another trip).
    """
    place = shelter(work, body.from_facility, "#/from_facility")
    if not reaches(work.caller, place.code, place.agency):
        raise OutsideScope(pointer="#/from_facility")
    known = work.session.get(Trip, body.id)
    if known is not None:
        return _same_trip(work, known, body)
    cases = these_cases(work, [seat.case_id for seat in body.people], field="people")
    travelling = [
        Fault("on a journey already", f"#/people/{at}")
        for at, case in enumerate(cases)
        if case.return_status in ("planned", "departed", "arrived")
    ]
    if len(cases) != len(body.people):
        raise ReturnNotPossible("a person stands twice on the trip", pointer="#/people")
    if travelling:
        raise ReturnNotPossible(errors=travelling)
    occurred = None if body.occurred_at is None else happened(work, body.occurred_at, place.code)
    trip = Trip(
        trip_id=body.id,
        mode=body.mode,
        from_facility=place.code,
        facility_agency=place.agency,
        departs_on=body.departs_on,
    )
    work.session.add(trip)
    seats = []
    for case, wanted in zip(cases, body.people, strict=True):
        seat = Seat(trip_id=body.id, case_id=case.case_id, regency=wanted.regency)
        work.session.add(seat)
        seats.append(seat)
        case.return_status = "planned"
        fact = ReturnPlanned(
            trip=body.id,
            mode=body.mode,
            from_facility=place.code,
            regency=wanted.regency,
            departs_on=body.departs_on,
        )
        work.record(case.case_id, fact, occurred)
    return trip_view(trip, seats)


def depart_trip(work: Work, trip_id: str, body: DepartTrip) -> TripView:
    """Everyone with a seat leaves. Repeating it changes nothing. Raises CaseUnknown, ImpossibleDate."""
    trip, seats = _trip(work, trip_id)
    occurred = happened(work, body.occurred_at, trip.from_facility)
    waiting = [seat for seat in seats if seat.status == "planned"]
    cases = _of(work, waiting)
    for seat in waiting:
        seat.status = cases[seat.case_id].return_status = "departed"
        work.record(seat.case_id, ReturnDeparted(trip=trip_id), occurred)
    if trip.status == "planned":
        trip.status = "departed"
    return trip_view(trip, seats)


def arrive_trip(work: Work, trip_id: str, body: ArriveTrip) -> TripView:
    """Hand people over to the social office of their regency. Who arrived before is left as they are.

    Raises CaseUnknown (not on this trip), ReturnNotPossible (not departed yet), ImpossibleDate.
    """
    trip, seats = _trip(work, trip_id)
    occurred = happened(work, body.occurred_at, trip.from_facility)
    by_case = {seat.case_id: seat for seat in seats}
    asked = body.cases if body.cases is not None else [seat.case_id for seat in seats if seat.status == "departed"]
    strangers = [Fault("not on this trip", f"#/cases/{at}") for at, one in enumerate(asked) if one not in by_case]
    if strangers:
        raise CaseUnknown(errors=strangers)
    early = [
        Fault("has not departed", f"#/cases/{at}") for at, one in enumerate(asked) if by_case[one].status == "planned"
    ]
    if early or (not asked and trip.status == "planned"):
        raise ReturnNotPossible("the trip has not departed", errors=early)
    arriving = [by_case[one] for one in dict.fromkeys(asked) if by_case[one].status == "departed"]
    cases = _of(work, arriving)
    for seat in arriving:
        seat.status = cases[seat.case_id].return_status = "arrived"
        work.record(seat.case_id, ReturnArrived(trip=trip_id, regency=seat.regency), occurred)
    if all(seat.status == "arrived" for seat in seats):
        trip.status = "arrived"
    return trip_view(trip, seats)


def _same_trip(work: Work, known: Trip, body: PlanTrip) -> TripView:
    seats = list(work.session.scalars(select(Seat).where(col(Seat.trip_id) == known.trip_id)))
    same = (known.from_facility, known.departs_on) == (body.from_facility, body.departs_on)
    if not same or {seat.case_id for seat in seats} != {seat.case_id for seat in body.people}:
        raise IdTaken(pointer="#/id")
    return trip_view(known, seats)


def _trip(work: Work, trip_id: str) -> tuple[Trip, list[Seat]]:
    trip = work.session.scalars(select(Trip).where(col(Trip.trip_id) == trip_id).with_for_update()).one_or_none()
    if trip is None or not reaches(work.caller, trip.from_facility, trip.facility_agency):
        raise CaseUnknown("no such trip")
    seats = work.session.scalars(select(Seat).where(col(Seat.trip_id) == trip_id).order_by(col(Seat.case_id)))
    return trip, list(seats)


def _of(work: Work, seats: Sequence[Seat]) -> dict[str, Case]:
    """The cases on these seats, locked; the trip is in scope, and so are its people."""
    rows = work.session.scalars(
        select(Case)
        .where(col(Case.case_id).in_(sorted(seat.case_id for seat in seats)))
        .order_by(col(Case.case_id))
        .with_for_update()
    )
    return {case.case_id: case for case in rows}


def trip_view(trip: Trip, seats: Sequence[Seat]) -> TripView:
    return TripView(
        trip_id=trip.trip_id,
        mode=trip.mode,
        from_facility=trip.from_facility,
        departs_on=trip.departs_on,
        status=trip.status,
        people=[SeatView(case_id=s.case_id, regency=s.regency, status=s.status) for s in seats],
    )
