"""The places that intake works with: its own arrival points, and the shelters it hears of."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlmodel import col

from services.intake.models import Case, Manifest, Place, Trip
from services.intake.problems import CodeOfShelter, ImpossibleDate, PlaceUnknown
from services.intake.schemas.places import PutArrivalPoint
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.events.facilities import FacilityOpened
from shared.http.preconditions import must_match
from shared.security.access import reaches
from shared.security.audit import audit
from shared.times import InTheFuture, OccurredAt, not_after
from shared.work import Work


def put_arrival_point(work: Work, code: str, body: PutArrivalPoint, if_match: str | None) -> Place:
    """Open an arrival point, or change one that is known (then with If-Match).

    Raises PreconditionFailed, PreconditionRequired, CodeOfShelter.
    """
    place = work.session.get(Place, code, with_for_update=True)
    if place is None:
        place = Place(code=code, kind="arrival_point", **body.model_dump())
        work.session.add(place)
    elif place.kind != "arrival_point":
        raise CodeOfShelter
    else:
        must_match(if_match, place.version)
        if place.agency != body.agency:
            _hand_over(work, code, body.agency)
        place.sqlmodel_update(body.model_dump())
        place.version += 1
    work.record(code, FacilityOpened(facility=code, kind="arrival_point", **body.model_dump()))
    audit(work, "place.manage", code)
    return place


def hear_of_shelter(work: Work, fact: FacilityOpened) -> None:
    """A shelter as its operator tells of it; one that took the code of an arrival point is not heard."""
    told = fact.model_dump(include={"kind", "name", "agency", "regency", "time_zone"})
    place = work.session.get(Place, fact.facility, with_for_update=True)
    if place is None:
        work.session.add(Place(code=fact.facility, **told))
    elif place.kind == "shelter":
        if place.agency != fact.agency:
            _hand_over(work, fact.facility, fact.agency)
        place.sqlmodel_update(told | {"version": place.version + 1})


def _hand_over(work: Work, code: str, agency: str) -> None:
    """Another agency runs the place from now on: what it may see goes with it."""
    for change in (
        update(Case).where(col(Case.arrival_point) == code).values(arrival_agency=agency),
        update(Case).where(col(Case.facility) == code).values(facility_agency=agency),
        update(Manifest).where(col(Manifest.arrival_point) == code).values(arrival_agency=agency),
        update(Trip).where(col(Trip.from_facility) == code).values(facility_agency=agency),
    ):
        work.session.execute(change)


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """What commands ask of a place."""

    code: str
    kind: str
    agency: str
    time_zone: str


def post(work: Work, code: str, pointer: str) -> KnownPlace:
    """The arrival point of that code, in the caller's scope. Raises PlaceUnknown."""
    place = _place(work, code, "arrival_point", pointer)
    if not reaches(work.caller, place.code, place.agency):
        raise PlaceUnknown(pointer=pointer)
    return place


def shelter(work: Work, code: str, pointer: str) -> KnownPlace:
    """The shelter of that code, wherever it is. Raises PlaceUnknown."""
    return _place(work, code, "shelter", pointer)


def time_zone_of(work: Work, code: str) -> str:
    """The IANA name of the zone in which a place reads its dates; WIB for one that is not known."""
    place = known_place(work, code)
    return place.time_zone if place else "Asia/Jakarta"


def happened(work: Work, said: OccurredAt, time_zone: str, pointer: str = "#/occurred_at") -> datetime:
    """The moment of something in a time zone; a date is noon there. Raises ImpossibleDate for the future."""
    try:
        return not_after(said, work.now, time_zone)
    except InTheFuture as future:
        raise ImpossibleDate(str(future), pointer=pointer) from None


_OF_CODE = select(table_of(Place)).where(table_of(Place).c.code == bindparam("of_code"))
_PLACE, _KEPT = Prepared(_OF_CODE), Prepared(_OF_CODE.with_for_update(read=True, key_share=True))


def known_place(work: Work, code: str, *, kept: bool = False) -> KnownPlace | None:
    """The place of that code. Nearly every command asks for one, so it is no object of the session.

    `kept`: nobody hands it over until the commit, for whoever writes down which agency runs it.
    """
    row = (_KEPT if kept else _PLACE).first(work.session, of_code=code)
    return None if row is None else KnownPlace(row.code, row.kind, row.agency, row.time_zone)


def _place(work: Work, code: str, kind: str, pointer: str) -> KnownPlace:
    place = known_place(work, code, kept=True)
    if place is None or place.kind != kind:
        raise PlaceUnknown(pointer=pointer)
    return place
