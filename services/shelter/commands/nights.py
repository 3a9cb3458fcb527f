"""Telling how full a shelter is."""

from datetime import date, datetime

from services.shelter.models import Facility
from services.shelter.queries.occupancy import tonight
from shared.events.shelter import OccupancyChanged
from shared.work import Work


def tell_occupancy(work: Work, place: Facility, on: date, occurred: datetime) -> None:
    """Once per request: beds there are and beds slept in on the night of `on`."""
    beds, taken = tonight(work.session, place.code, on)
    work.record(place.code, OccupancyChanged(facility=place.code, on=on, beds=beds, taken=taken), occurred)
