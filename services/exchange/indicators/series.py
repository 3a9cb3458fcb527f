"""Exact figures day by day, of the places in the caller's scope."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, String, cast, func, select, true
from sqlalchemy.orm import Session
from sqlmodel import col

from services.exchange.indicators.exact import CHANGE, DAY, EACH_ONCE, IN_AND_OUT, NOW, NUMBER
from services.exchange.models import Place
from services.exchange.projections.case import UNKNOWN
from services.exchange.schemas import Series
from shared.security.access import ALL, within
from shared.security.tokens import Caller

By = Literal["place", "sex", "age_band", "trafficking_status", "case_status"]
FLOWS = (
    *("arrivals", "check_ins", "check_outs", "sent_home"),
    *("items_issued", "hygiene_kits_issued", "sessions"),
)
"""What happens on a day, and may be summed over days."""
RESIDENT = "resident"
"""Who sleeps in a shelter on a night: not to be summed over days."""

_Numbers = defaultdict[str, defaultdict[str, list[int]]]


def series(session: Session, caller: Caller, by: By, since: date, until: date) -> Series:
    """Every measure on every day from `since` up to and with `until`, by one dimension, over the places in scope.

    A place is where something happened: the arrival point, the shelter, the store; of a session the shelter where the
    person was. Status and age band are those that are known now.
    """
    days = [since + timedelta(days=offset) for offset in range((until - since).days + 1)]
    at = {day.isoformat(): number for number, day in enumerate(days)}
    numbers: _Numbers = defaultdict(lambda: defaultdict(lambda: [0] * len(days)))
    value = DAY.c.place if by == "place" else DAY.c.value
    ours = (DAY.c.generation == NOW, DAY.c.dimension == (EACH_ONCE if by == "place" else by), _in_scope(caller))
    for measure, name, told in session.execute(_day_by_day(value, *ours, DAY.c.day.between(since, until))):
        on = numbers[measure][name]
        for day, number in (one.split("=") for one in told.split(",")):
            on[at[day]] = int(number)
    before = (
        select(value.label("value"), CHANGE.label("more")).where(*ours, IN_AND_OUT, DAY.c.day < since).group_by(value)
    )
    resident = {row.value: int(row.more) for row in session.execute(before)}
    _fill_residents(numbers, resident, len(days))
    totals = {measure: {name: sum(on) for name, on in numbers[measure].items() if any(on)} for measure in FLOWS}
    return Series(
        by=by,
        days=days,
        figures={measure: _sorted(numbers[measure]) for measure in (*FLOWS, RESIDENT)},
        totals={measure: _sorted(total) for measure, total in totals.items()},
    )


def _day_by_day(value: ColumnElement[str], *conditions: ColumnElement[bool]) -> Select[str, str, str]:
    """One row to each measure and value, its days in one text: 23,000 rows would take longer to fetch than to sum."""
    days = (
        select(DAY.c.measure, value.label("value"), DAY.c.day, NUMBER.label("number"))
        .where(DAY.c.measure.in_(FLOWS), *conditions)
        .group_by(DAY.c.measure, value, DAY.c.day)
        .subquery()
    )
    told = cast(days.c.day, String).concat("=").concat(cast(days.c.number, String))
    return select(days.c.measure, days.c.value, func.aggregate_strings(told, ",")).group_by(
        days.c.measure, days.c.value
    )


def _in_scope(caller: Caller) -> ColumnElement[bool]:
    if ALL in caller.permissions:
        return true()
    mine = within(caller, places=(col(Place.code),), agencies=(col(Place.agency),))
    return DAY.c.place.in_(select(col(Place.code)).where(mine))


def _fill_residents(numbers: _Numbers, before: Mapping[str, int], days: int) -> None:
    came, left = numbers["check_ins"], numbers["check_outs"]
    for value in sorted({*came, *left, *(value for value, there in before.items() if there)}):
        there = before.get(value, 0)
        for day in range(days):
            there += (came[value][day] if value in came else 0) - (left[value][day] if value in left else 0)
            numbers[RESIDENT][value][day] = there


def _sorted(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Without what stands at nothing on every day: such rows are left where a status has changed."""
    return {name or UNKNOWN: numbers[name] for name in sorted(numbers) if _any(numbers[name])}


def _any(on: int | Iterable[int]) -> bool:
    return bool(on) if isinstance(on, int) else any(on)
