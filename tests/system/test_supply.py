"""What the replay decides before it begins: who sends kits to whom, and when sessions take place."""

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulang.complaint import Complaint
from pulang.replay.aid import shipments_of
from pulang.replay.care import session_days
from pulang.replay.folder import read_season
from pulang.replay.season import Donation
from pulang.replay.supply import Shipment, plan_shipments
from tests.system.seasons import EXAMPLE

STORES = ("A", "B", "C")
DAY = date(2020, 1, 1)


def donation(day: int, store: str, quantity: int) -> Donation:
    return Donation(1, DAY + timedelta(days=day), "UN", "kemensos", "hygiene kit", quantity, store)


days = st.integers(0, 20)
gifts = st.lists(st.builds(donation, days, st.sampled_from(STORES), st.integers(1, 60)), max_size=6)
needs = st.dictionaries(
    st.tuples(st.sampled_from(STORES), days.map(lambda n: DAY + timedelta(days=n))), st.integers(1, 20), max_size=30
)


def balance(donations: list[Donation], wanted: dict[tuple[str, date], int], sent: list[Shipment]) -> bool:
    """Walk through the days, slowly: does any shelf ever fall below nothing?"""
    stock: Counter[str] = Counter()
    for day in (DAY + timedelta(days=n) for n in range(21)):
        for one in donations:
            if one.on == day:
                stock[one.store] += one.quantity
        for shipment in sent:
            if shipment.on == day:
                stock[shipment.from_store] -= shipment.quantity
                stock[shipment.to_store] += shipment.quantity
                assert shipment.quantity > 0
                assert shipment.from_store != shipment.to_store
                if stock[shipment.from_store] < 0:
                    return False
        for store in STORES:
            stock[store] -= wanted.get((store, day), 0)
        if min(stock.values(), default=0) < 0:
            return False
    return True


@given(gifts, needs)
def test_whoever_can_be_supplied_is_supplied(donations: list[Donation], wanted: dict[tuple[str, date], int]) -> None:
    enough = all(
        sum(one.quantity for one in donations if one.on <= day) >= sum(n for (_, on), n in wanted.items() if on <= day)
        for day in (DAY + timedelta(days=n) for n in range(21))
    )
    try:
        sent = plan_shipments("hygiene kit", donations, wanted)
    except Complaint:
        assert not enough
    else:
        assert enough
        assert balance(donations, wanted, sent)


def test_the_scarce_kits_of_the_example_reach_everyone() -> None:
    season = read_season(EXAMPLE)
    sent = shipments_of(season)
    assert {shipment.to_store for shipment in sent} >= {"RPTC-BAMBU-APUS", "POS-PONTIANAK", "BALAI-MULYA-JAYA"}
    assert len({(s.on, s.from_store, s.to_store) for s in sent}) == len(sent) < 400


def test_too_few_kits_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(Complaint, match=r"hygiene kit.*2020-01-02"):
        plan_shipments("hygiene kit", [donation(0, "A", 3)], {("B", DAY + timedelta(days=1)): 4})


def test_sessions_lie_within_the_stay_and_the_season() -> None:
    season = read_season(EXAMPLE)
    for person in season.people:
        found = session_days(person, season.last_day)
        assert len(found) == person.sessions
        assert found == sorted(found)
        last = min(person.check_out or date.max, season.last_day + timedelta(days=1))
        assert all(person.check_in <= day < last for day in found)
