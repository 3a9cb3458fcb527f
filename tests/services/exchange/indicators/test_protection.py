"""What may be told of a month, against those who want to know the rest."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.exchange.indicators.protection import (
    FEWEST,
    VALUES,
    Month,
    count,
    is_settled,
    last_closed,
    protect,
    rounded,
    withheld_month,
)
from services.exchange.projections.case import Case
from tests.services.exchange.indicators.attacker import guesses, told, total_of

SMALL = set(range(FEWEST))
NAMES = "abcdefg"


def splits(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Every way to split so many people."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in splits(total - first, parts - 1):
            yield (first, *rest)


def told_of(split: Sequence[int], order: Sequence[int]) -> tuple[int | None, ...]:
    """What of a table is told, as if it were not rounded; `order`: how the draw falls."""
    counts = dict(zip(NAMES, split, strict=False))
    tables = protect(sum(split), {"t": counts}, lambda _, value: bytes([order[NAMES.index(value)]]))
    assert tables is not None
    return tuple(None if tables["t"][name] is None else number for name, number in counts.items())


@pytest.mark.parametrize(("parts", "totals"), [(2, range(10, 70)), (3, range(10, 46)), (4, (10, 19, 20, 29, 38, 40))])
def test_who_knows_the_rules_and_the_exact_total_cannot_tell_which_small_figure_it_is(
    parts: int, totals: Sequence[int]
) -> None:
    """Every split and every draw there is: what is told the same may have been any of them.

    The total and what is told are taken as exact here, which is more than anybody gets.
    """
    for total in totals:
        possible: defaultdict[tuple[int | None, ...], set[tuple[int, ...]]] = defaultdict(set)
        for split in splits(total, parts):
            for order in permutations(range(parts)):
                possible[told_of(split, order)].add(split)
        for shown, ways in possible.items():
            for place in (at for at, number in enumerate(shown) if number is None):
                may_be = {way[place] for way in ways}
                assert may_be >= SMALL, (total, shown, may_be)
                assert max(may_be) >= FEWEST, (total, shown, may_be)


@given(st.lists(st.integers(0, 60), min_size=2, max_size=7), st.randoms(use_true_random=False))
def test_what_a_table_tells(split: list[int], random: Any) -> None:
    order = random.sample(range(len(split)), len(split))
    if sum(split) < FEWEST:
        assert protect(sum(split), {"t": dict(zip(NAMES, split, strict=False))}, lambda *_: b"") is None
        return
    shown = told_of(split, order)
    withheld = [number for number, said in zip(split, shown, strict=True) if said is None]
    assert all(number >= FEWEST for number in shown if number is not None)
    if min(split) >= FEWEST:
        assert withheld == []
    else:
        assert len(withheld) >= 2
        assert max(withheld) >= FEWEST or len(withheld) == len(split)
        assert sum(withheld) >= 2 * FEWEST or len(withheld) == len(split)


people = st.builds(
    Case,
    arrival=st.tuples(st.sampled_from(["TNJ", "BTM", "ENT"]), st.just("2020-01-03")).map(list),
    sex=st.sampled_from("FM"),
    age_band=st.sampled_from(VALUES["age_band"]),
    trafficking_status=st.sampled_from(VALUES["trafficking_status"]),
    case_status=st.sampled_from(["open", "closed", "reopened"]),
    stays=st.sampled_from(
        [{}, {"s": ["A", "2020-01-03", None, None]}, {"s": ["A", "2020-01-03", "2020-01-09", "return_home"]}]
    ),
)
caseloads = st.one_of(
    st.lists(people, max_size=60),
    # Many who are alike and a few who are not: what a season is.
    st.tuples(st.lists(people, min_size=1, max_size=3), st.lists(people, max_size=8), st.integers(1, 60)).map(
        lambda made: made[0] * made[2] + made[1]
    ),
)
PROVINCES = {"TNJ": "21", "BTM": "21"}


@settings(max_examples=300)
@given(caseloads, st.binary(min_size=4, max_size=4))
def test_nothing_withheld_can_be_worked_out_from_all_tables_of_a_month(caseload: list[Case], key: bytes) -> None:
    counts = count(caseload, PROVINCES)
    assert all(sum(table.values()) == len(caseload) for table in counts.values())
    tables = protect(len(caseload), counts, lambda table, value: f"{hash((key, table, value))}".encode())
    if tables is None:
        assert len(caseload) < FEWEST
        return
    month = {"month": "2020-01", "arrivals": rounded(len(caseload)), "tables": tables}
    least, most = total_of(month)
    assert least <= len(caseload) <= most
    for guess in guesses(month):
        truth = counts[guess.table][guess.value]
        assert guess.least <= truth <= guess.most, guess
        assert guess.least == 0, guess
        assert guess.most >= max(FEWEST, truth), guess
        assert truth >= FEWEST or guess.most > truth, guess


def test_the_tables_have_every_value_whoever_arrived() -> None:
    assert {name: list(table) for name, table in count([], {}).items()} == {
        name: list(table) for name, table in withheld_month().items()
    }


@pytest.mark.parametrize(("number", "shown"), [(10, 10), (14, 10), (15, 20), (24, 20), (25, 30), (4340, 4340)])
def test_rounding(number: int, shown: int) -> None:
    assert rounded(number) == shown
    low, high = told(shown)
    assert low <= number <= high


@pytest.mark.parametrize(
    ("now", "closed"),
    [
        (datetime(2020, 2, 14, 16, 59, tzinfo=UTC), "2019-12"),
        (datetime(2020, 2, 14, 17, 0, tzinfo=UTC), "2020-01"),  # the 15th begins in Jakarta
        (datetime(2020, 3, 14, 12, 0, tzinfo=UTC), "2020-01"),
        (datetime(2020, 1, 15, 12, 0, tzinfo=UTC), "2019-12"),
    ],
)
def test_a_month_is_closed_when_its_days_are_over_everywhere_and_the_grace_too(now: datetime, closed: str) -> None:
    assert str(last_closed(now)) == closed
    month = Month.read(closed)
    assert is_settled(month, month.first, now)
    assert not is_settled(Month.of(month.last + timedelta(days=1)), month.first, now)
    assert not is_settled(month, now.date() - timedelta(days=14), now)


def test_months_follow_one_another() -> None:
    assert [str(month) for month in Month(2019, 11).through(Month(2020, 2))] == [
        *("2019-11", "2019-12", "2020-01", "2020-02")
    ]
    assert Month(2020, 2).last == date(2020, 2, 29)
