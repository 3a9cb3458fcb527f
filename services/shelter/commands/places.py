"""The shelter that a command is about, and when something happened there."""

from datetime import datetime

from sqlalchemy import bindparam, select
from sqlmodel import col

from services.shelter.models import Facility
from services.shelter.problems import FacilityUnknown, ImpossibleDate
from shared.security.access import reaches
from shared.times import InTheFuture, OccurredAt, not_after
from shared.work import Work

_FACILITY = select(Facility).where(col(Facility.code) == bindparam("of_code")).with_for_update()


def shelter_of(work: Work, code: str, pointer: str | None = "#/facility") -> Facility:
    """The shelter in the caller's scope, locked: who gives out its beds or answers for it, does so one at a time.

    Raises FacilityUnknown.
    """
    place = work.session.scalars(_FACILITY, {"of_code": code}).one_or_none()
    if place is None or not reaches(work.caller, place.code, place.agency):
        raise FacilityUnknown(pointer=pointer)
    return place


def happened(work: Work, place: Facility, said: OccurredAt, pointer: str = "#/occurred_at") -> datetime:
    """The moment of something in a shelter; a date is noon there. Raises ImpossibleDate for the future."""
    try:
        return not_after(said, work.now, place.time_zone)
    except InTheFuture as future:
        raise ImpossibleDate(str(future), pointer=pointer) from None
