"""The figures of a period as a whole, summed over the counts by day."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.orm import Session

from services.exchange.models import DayCount, FacilityFact
from services.exchange.projections import INDICATORS
from services.exchange.projections.case import AGENCY, IDENTIFIED, UNKNOWN
from services.exchange.schemas import Indicators
from shared.database.models import table_of
from shared.database.prepared import Prepared

NIGHT = timedelta(days=1)
EACH_ONCE = "sex"
"""The dimension over which things are summed that are not asked by any."""

Change = tuple[str, date, int]
"""A shelter, a day, and how many more (or fewer) sleep there from that night on."""

NOW = INDICATORS.live
"""The generation of the picture that is asked; any other is being built, or on its way out."""
DAY = table_of(DayCount)
NUMBER = func.sum(DAY.c.number)
CHANGE = func.sum(case((DAY.c.measure == "check_ins", DAY.c.number), else_=-DAY.c.number))
IN_AND_OUT = DAY.c.measure.in_(("check_ins", "check_outs"))

_FACILITY = table_of(FacilityFact)
_TOTALS = Prepared(
    select(DAY.c.dimension, DAY.c.measure, DAY.c.place, DAY.c.value, NUMBER.label("number"))
    .where(
        DAY.c.generation == NOW,
        DAY.c.dimension.in_((EACH_ONCE, "trafficking_status", AGENCY)),
        DAY.c.measure.in_(bindparam("of_measures", expanding=True)),
        DAY.c.day.between(bindparam("since"), bindparam("until")),
    )
    .group_by(DAY.c.dimension, DAY.c.measure, DAY.c.place, DAY.c.value)
)
_CHANGES = Prepared(
    select(DAY.c.place, DAY.c.day, CHANGE.label("more"))
    .where(DAY.c.generation == NOW, DAY.c.dimension == EACH_ONCE, IN_AND_OUT, DAY.c.day <= bindparam("until"))
    .group_by(DAY.c.place, DAY.c.day)
)
_SHELTERS = Prepared(
    select(_FACILITY.c.facility, _FACILITY.c.beds)
    .where(_FACILITY.c.generation == NOW, _FACILITY.c.kind == "shelter")
    .order_by(_FACILITY.c.facility)
)
_SUMMED = ("arrivals", "check_ins", "sent_home", "hygiene_kits_issued", "sessions", IDENTIFIED)


def indicators(session: Session, since: date, until: date) -> Indicators:
    """Figures from `since` up to and with `until`: arrivals, check-ins, issues and sessions of those days, and nights.

    Who is resident is so on the night of `until`; a person takes a bed on every night from the check-in until the night
    before the check-out.
    """
    beds = {row.facility: row.beds for row in _SHELTERS.all(session)}
    sums = _Sums(_TOTALS.all(session, of_measures=_SUMMED, since=since, until=until))
    bed_nights, peaks, resident = nights_and_peaks(_CHANGES.all(session, until=until), since, until)
    none = dict.fromkeys(beds, 0)
    return Indicators(
        cases=sums.total("arrivals"),
        sent_home=sums.total("sent_home"),
        still_resident=sum(resident.values()),
        resident_by_shelter=dict(sorted((none | resident).items())),
        checked_in_by_shelter=dict(sorted((none | sums.by("place", "check_ins")).items())),
        beds_by_shelter=beds,
        peak_occupancy_by_shelter=none | peaks,
        bed_nights_by_shelter=none | bed_nights,
        by_trafficking_status=sums.by("value", "arrivals", "trafficking_status"),
        by_arrival_point=sums.by("place", "arrivals"),
        by_sex=sums.by("value", "arrivals"),
        hygiene_kits_issued=sums.total("hygiene_kits_issued"),
        psychosocial_sessions=sums.total("sessions"),
        identity_consent=sums.by("value", IDENTIFIED, AGENCY),
    )


def nights_and_peaks(
    changes: Iterable[Change], since: date, until: date
) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """Per shelter, of the nights from `since` up to and with `until`: how many nights in beds, the most beds taken on
    one night, and the beds taken on the last. Shelters where nobody slept are left out."""
    by_shelter: defaultdict[str, Counter[date]] = defaultdict(Counter)
    for shelter, day, more in changes:
        by_shelter[shelter][max(day, since)] += int(more)
    nights, peaks, last = {}, {}, {}
    for shelter, changed in by_shelter.items():
        days = sorted(day for day in changed if day <= until)
        taken = total = peak = 0
        for day, following in zip(days, [*days[1:], until + NIGHT], strict=True):
            taken += changed[day]
            peak = max(peak, taken)
            total += taken * (following - day).days
        if peak:
            nights[shelter], peaks[shelter], last[shelter] = total, peak, taken
    return nights, peaks, last


class _Sums:
    """Sums over the period, by whatever is asked."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._rows = list(rows)

    def total(self, measure: str) -> int:
        return sum(self.by("measure", measure).values())

    def by(self, column: str, measure: str, dimension: str = EACH_ONCE) -> dict[str, int]:
        """In alphabetical order, without those that are not known and those of whom there is none."""
        counted: Counter[str] = Counter()
        for row in self._rows:
            if (row.measure, row.dimension) == (measure, dimension):
                counted[getattr(row, column)] += int(row.number)
        return {name: number for name, number in sorted(counted.items()) if number and name != UNKNOWN}
