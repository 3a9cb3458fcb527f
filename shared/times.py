"""When things happened, as people say it: a moment, or a date at a place."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far another machine's clock may be ahead."""
EARLIEST = date(1900, 1, 1)

_DATE_FIRST = re.compile(r"\d{4}-\d\d-\d\d")


def _sensible(moment: date | datetime) -> date | datetime:
    if moment.year < EARLIEST.year or moment.year > 9000:
        raise ValueError("must lie between 1900 and 9000")
    return moment


def _iso(said: object) -> object:
    """Pydantic would read a bare number as seconds since 1970: a slip of the pen would become a date."""
    if isinstance(said, str) and not _DATE_FIRST.match(said):
        raise ValueError("must begin with a date such as 2020-01-31")
    if isinstance(said, int | float):
        raise ValueError("must be a text such as 2020-01-31")
    return said


OccurredAt = Annotated[
    AwareDatetime | date,
    BeforeValidator(_iso),
    AfterValidator(_sensible),
    Field(
        description="When it happened: a time with its zone, or a date, which is read as noon at the place.",
        examples=["2020-01-03"],
    ),
]
SensibleDate = Annotated[date, BeforeValidator(_iso), AfterValidator(_sensible)]


def utc_now() -> datetime:
    return datetime.now(UTC)


def moment(said: datetime | date, time_zone: str) -> datetime:
    """A date without a time is local noon at the place (WIB, WITA, WIT); a time keeps its zone."""
    if isinstance(said, datetime):
        return said
    return datetime.combine(said, time(12), ZoneInfo(time_zone))


def local_date(said: datetime | date, time_zone: str) -> date:
    """The calendar day at the place."""
    return said.astimezone(ZoneInfo(time_zone)).date() if isinstance(said, datetime) else said


class InTheFuture(ValueError):
    """It lies in the future."""


def not_after(said: datetime | date, now: datetime, time_zone: str) -> datetime:
    """The moment of what has happened. Raises InTheFuture; a date is judged by the calendar of the place."""
    if isinstance(said, datetime):
        if said > now + CLOCK_TOLERANCE:
            raise InTheFuture("lies in the future")
    elif said > (now + CLOCK_TOLERANCE).astimezone(ZoneInfo(time_zone)).date():
        raise InTheFuture("lies in the future")
    return moment(said, time_zone)
