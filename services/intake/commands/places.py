"""The places that intake works with: its own arrival points, and the shelters it hears of."""

from datetime import datetime

from services.intake.models import Place
from services.intake.problems import ImpossibleDate, OutsideScope, PlaceUnknown
from services.intake.schemas import PutArrivalPoint
from shared.events.facilities import FacilityOpened
from shared.http.preconditions import must_match
from shared.security.access import reaches
from shared.security.audit import audit
from shared.times import InTheFuture, OccurredAt, not_after
from shared.work import Work


def put_arrival_point(work: Work, code: str, body: PutArrivalPoint, if_match: str | None) -> Place:
    """Open an arrival point, or change one that is known (then with If-Match).

    Raises PreconditionFailed, PreconditionRequired, PlaceUnknown (the code belongs to a shelter).
    """
    place = work.session.get(Place, code)
    if place is None:
        place = Place(code=code, kind="arrival_point", **body.model_dump())
        work.session.add(place)
    elif place.kind != "arrival_point":
        raise PlaceUnknown("this code belongs to a shelter")
    else:
        must_match(if_match, place.version)
        place.sqlmodel_update(body.model_dump())
        place.version += 1
    work.record(code, FacilityOpened(facility=code, kind="arrival_point", **body.model_dump()))
    audit(work, "place.manage", code)
    return place


def post(work: Work, code: str, pointer: str) -> Place:
    """The arrival point of that code, in the caller's scope. Raises PlaceUnknown, OutsideScope."""
    place = _place(work, code, "arrival_point", pointer)
    if not reaches(work.caller, place.code, place.agency):
        raise OutsideScope(pointer=pointer)
    return place


def shelter(work: Work, code: str, pointer: str) -> Place:
    """The shelter of that code, wherever it is. Raises PlaceUnknown."""
    return _place(work, code, "shelter", pointer)


def happened(work: Work, said: OccurredAt, place_code: str, pointer: str = "#/occurred_at") -> datetime:
    """The moment of something at a place; a date is noon there. Raises ImpossibleDate for the future."""
    place = work.session.get(Place, place_code)
    try:
        return not_after(said, work.now, place.time_zone if place else "Asia/Jakarta")
    except InTheFuture as future:
        raise ImpossibleDate(str(future), pointer=pointer) from None


def _place(work: Work, code: str, kind: str, pointer: str) -> Place:
    place = work.session.get(Place, code)
    if place is None or place.kind != kind:
        raise PlaceUnknown(pointer=pointer)
    return place
