"""How full the shelters are and were: nights are counted from the segments of people who came."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from services.shelter.models import Bed, Facility, Segment, Stay
from services.shelter.queries.facilities import ends_after, facility_scope
from services.shelter.rules import Nights, bed_nights, each_night, peak, taken_by_night, there
from services.shelter.schemas import Figures, NightView, Occupancy
from shared.database.models import table_of
from shared.security.tokens import Caller

Counted = list[tuple[Nights, int]]
CAME = ("checked_in", "checked_out")

_beds_of, _segments_of, _stays_of = table_of(Bed), table_of(Segment), table_of(Stay)
_TONIGHT = select(
    select(func.count())
    .select_from(_beds_of)
    .where(
        _beds_of.c.facility == bindparam("at_facility"),
        _beds_of.c.retired_on.is_(None) | (_beds_of.c.retired_on > bindparam("night")),
    )
    .scalar_subquery(),
    select(func.count())
    .select_from(_segments_of.join(_stays_of, _stays_of.c.stay_id == _segments_of.c.stay_id))
    .where(
        _segments_of.c.facility == bindparam("at_facility"),
        _segments_of.c.from_date <= bindparam("night"),
        _segments_of.c.until_date.is_(None) | (_segments_of.c.until_date > bindparam("night")),
        _stays_of.c.status.in_(CAME),
    )
    .scalar_subquery(),
)


def occupancy(session: Session, caller: Caller, facility: str, first: date, last: date) -> Occupancy | None:
    """Every night from `first` up to and with `last`; None where the shelter is out of scope."""
    known = session.scalars(
        select(col(Facility.code)).where(col(Facility.code) == facility, facility_scope(caller))
    ).one_or_none()
    return None if known is None else Occupancy(facility=known, nights=nights_of(session, known, first, last))


def nights_of(session: Session, facility: str, first: date, last: date) -> list[NightView]:
    """The nights of one shelter. Scope is the caller's affair."""
    taken = _segments(session, [facility], first, last, CAME)[facility]
    held = _segments(session, [facility], first, last, ("planned",))[facility]
    beds = _beds(session, [facility])[facility]
    nights = [first + timedelta(days=day) for day in range((last - first).days + 1)]
    slept = each_night(taken_by_night(taken, first, last), last)
    waited = each_night(taken_by_night(held, first, last), last)
    return [
        NightView(on=night, beds=_beds_on(beds, night), taken=slept[at], held=waited[at])
        for at, night in enumerate(nights)
    ]


def tonight(session: Session, facility: str, night: date) -> tuple[int, int]:
    """Beds there are and beds taken on one night, in one statement: every check-in and check-out asks."""
    beds, taken = session.execute(_TONIGHT, {"at_facility": facility, "night": night}).one()
    return beds, taken


def figures(session: Session, caller: Caller, since: date, until: date) -> Figures:
    """Counts over the shelters in scope from `since` up to and with `until`."""
    codes = session.scalars(select(col(Facility.code)).where(facility_scope(caller)).order_by(col(Facility.code))).all()
    taken = _segments(session, codes, since, until, CAME)
    resident = {code: sum(count for nights, count in taken[code] if nights.holds(until)) for code in codes}
    beds = _beds(session, codes)
    came = (col(Stay.facility).in_(codes), col(Stay.status).in_(CAME))
    sent_home = session.execute(
        select(func.count()).where(*came, col(Stay.reason) == "return_home", col(Stay.until_date).between(since, until))
    ).scalar_one()
    checked_in = dict.fromkeys(codes, 0)
    for code, count in session.execute(
        select(col(Stay.facility), func.count())
        .where(*came, col(Stay.from_date).between(since, until))
        .group_by(col(Stay.facility))
    ):
        checked_in[code] = count
    return Figures(
        sent_home=sent_home,
        still_resident=sum(resident.values()),
        resident_by_shelter=resident,
        checked_in_by_shelter=checked_in,
        beds_by_shelter={code: _beds_on(beds[code], until) for code in codes},
        peak_occupancy_by_shelter={code: peak(taken[code], since, until) for code in codes},
        bed_nights_by_shelter={code: bed_nights(taken[code], since, until) for code in codes},
    )


def _segments(
    session: Session, facilities: Sequence[str], first: date, last: date, statuses: Sequence[str]
) -> dict[str, Counted]:
    """By shelter the nights that were given between the two days, and how many people have the same."""
    counted: dict[str, Counted] = {code: [] for code in facilities}
    rows = session.execute(
        select(col(Segment.facility), col(Segment.from_date), col(Segment.until_date), func.count())
        .join(Stay, col(Stay.stay_id) == col(Segment.stay_id))
        .where(
            col(Segment.facility).in_(facilities),
            col(Segment.from_date) <= last,
            ends_after(col(Segment.until_date), first),
            col(Stay.status).in_(statuses),
        )
        .group_by(col(Segment.facility), col(Segment.from_date), col(Segment.until_date))
    )
    for facility, begins, ends, count in rows:
        counted[facility].append((Nights(begins, ends), count))
    return counted


def _beds(session: Session, facilities: Sequence[str]) -> dict[str, list[tuple[date | None, int]]]:
    """By shelter the day from which beds are there no more, and how many beds that is."""
    beds: dict[str, list[tuple[date | None, int]]] = {code: [] for code in facilities}
    rows = session.execute(
        select(col(Bed.facility), col(Bed.retired_on), func.count())
        .where(col(Bed.facility).in_(facilities))
        .group_by(col(Bed.facility), col(Bed.retired_on))
    )
    for facility, retired_on, count in rows:
        beds[facility].append((retired_on, count))
    return beds


def _beds_on(beds: Sequence[tuple[date | None, int]], night: date) -> int:
    tonight = Nights(night, night + timedelta(days=1))
    return sum(count for retired_on, count in beds if there(retired_on, tonight))
