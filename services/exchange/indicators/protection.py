"""What of a month's figures may be told to everybody (docs/decisions/0019). Pure.

The people who arrived in a month are split by a few tables, each of them whole and by one thing alone. In a table:

1. A figure under ten is withheld, zero too: that nobody is something tells about everybody.
2. Beside it others are withheld until one of at least ten is among them and all of them make at least twenty, or none
   is left. Which ones is drawn with a secret key and does not depend on how many they are: if it were the smallest, the
   choice would tell about the small ones.
3. What is told is rounded to tens, the total as well.

So whoever knows the total, all that is told without its rounding, and this very text, may still take each withheld
figure for any from zero to nine: some other one of those withheld is then large, and was drawn. Tables of a month have
nothing in common but their total, and no person is in two months.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from services.exchange.projections.case import UNKNOWN, Case
from shared.codes import AgeBand, Sex, TraffickingStatus

FEWEST = 10
"""CTDC's k of 11: nothing smaller than ten is ever answered."""
WITHHELD_MAKE = 2 * FEWEST
"""Then any one of those withheld may be under ten and another one not, whatever their sum is."""
GRACE_DAYS = 14
"""For what is entered later; a quarantine takes so long."""
LAST_ZONE = ZoneInfo("Asia/Jakarta")
"""A day ends here last in Indonesia (WIB)."""
OTHER = "other"

Draw = Callable[[str, str], bytes]
"""A secret number for a value of a table."""
Counts = Mapping[str, int]
Table = dict[str, int | None]

VALUES: Mapping[str, tuple[str, ...]] = {
    "sex": get_args(Sex),
    "age_band": (*get_args(AgeBand), UNKNOWN),
    "trafficking_status": (*(status.value for status in TraffickingStatus), UNKNOWN),
    "case_status": ("open", "closed"),
    "way": ("home", "shelter", "elsewhere"),
}
"""The tables, and all values of each, whether anybody has them or not."""
PROVINCE = "province"
"""Of the arrival point, where several places share it; the values are known when it is published."""


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month."""

    year: int
    month: int

    @classmethod
    def of(cls, day: date) -> "Month":
        return cls(day.year, day.month)

    @classmethod
    def read(cls, text: str) -> "Month":
        year, month = text.split("-")
        return cls(int(year), int(month))

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def first(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        return date(self.year, self.month, monthrange(self.year, self.month)[1])

    def through(self, last: "Month") -> Iterator["Month"]:
        """From this one up to and with the last."""
        for number in range(self.year * 12 + self.month - 1, last.year * 12 + last.month):
            yield Month(number // 12, number % 12 + 1)


def last_closed(now: datetime) -> Month:
    """The last month whose days are over everywhere in Indonesia, and the days for late entries too."""
    return Month.of((now.astimezone(LAST_ZONE).date() - timedelta(days=GRACE_DAYS)).replace(day=1) - timedelta(days=1))


def is_settled(month: Month, last_entry: date, now: datetime) -> bool:
    """Whether the month is closed, and nobody was registered into it (UTC day) within the days of grace."""
    waited = last_entry + timedelta(days=GRACE_DAYS) < now.astimezone(UTC).date()
    return waited and month.last <= last_closed(now).last


def count(cases: Iterable[Case], provinces: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """The tables of the people who arrived. `provinces`: of the places whose province may be told."""
    tables = {name: dict.fromkeys(values, 0) for name, values in VALUES.items()}
    tables[PROVINCE] = dict.fromkeys([*sorted(set(provinces.values())), OTHER], 0)
    for case in cases:
        place = case.arrival[0] if case.arrival is not None else ""
        said = {
            "sex": case.sex,
            "age_band": case.age_band,
            "trafficking_status": case.trafficking_status,
            "case_status": "closed" if case.case_status == "closed" else "open",
            "way": case.way(),
            PROVINCE: provinces.get(place, OTHER),
        }
        for name, value in said.items():
            tables[name][value] += 1
    return tables


def protect(total: int, tables: Mapping[str, Counts], draw: Draw) -> dict[str, Table] | None:
    """The tables as they may be told; None where nothing may. Each must be a split of the same `total` people."""
    if total < FEWEST:
        return None
    return {name: _protected(name, counts, draw) for name, counts in tables.items()}


def rounded(number: int) -> int:
    """To the nearest ten; fives go up."""
    return (number + 5) // 10 * 10


def withheld_month() -> dict[str, Table]:
    """How a month looks of which nothing may be told, and one of which nothing is known."""
    return {name: dict.fromkeys(values) for name, values in VALUES.items()} | {PROVINCE: {OTHER: None}}


def _protected(name: str, counts: Counts, draw: Draw) -> Table:
    withheld = [value for value, number in counts.items() if number < FEWEST]
    if withheld:
        together = sum(counts[value] for value in withheld)
        others = sorted((value for value in counts if value not in withheld), key=lambda value: draw(name, value))
        for drawn in others:
            withheld.append(drawn)
            together += counts[drawn]
            if together >= WITHHELD_MAKE:
                break
    return {value: None if value in withheld else rounded(number) for value, number in counts.items()}
