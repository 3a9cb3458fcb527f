"""Aid's decisions, as tables of cases."""

from datetime import UTC, date, datetime

import pytest

from services.aid.rules import comes_before, crosses, fulfilment, left_without, shipment_status


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [(21, 20, True), (50, 0, True), (20, 19, False), (22, 21, False), (10, 30, False), (20, 20, False)],
)
def test_a_store_becomes_low_once_a_fall(before: int, after: int, told: bool) -> None:
    assert crosses(before, after, 20) is told


@pytest.mark.parametrize(
    ("quantities", "in_stock", "without"),
    [([1, 1, 1], 3, []), ([1, 1, 1], 2, [2]), ([2, 2], 3, [1]), ([5], 0, [0]), ([], 0, [])],
)
def test_stock_is_given_out_in_the_order_of_the_request(
    quantities: list[int], in_stock: int, without: list[int]
) -> None:
    assert left_without(quantities, in_stock) == without


@pytest.mark.parametrize(
    ("received", "approved", "state"),
    [(0, None, "none"), (0, 5, "none"), (3, 5, "partial"), (5, 5, "complete")],
)
def test_fulfilment(received: int, approved: int | None, state: str) -> None:
    assert fulfilment(received, approved) == state


@pytest.mark.parametrize(("received", "state"), [(0, "dispatched"), (1, "partially_received"), (4, "received")])
def test_shipment_status(received: int, state: str) -> None:
    assert shipment_status(received, 4) == state


def test_what_is_dated_by_the_day_alone_may_stand_before_the_hour_it_followed() -> None:
    noon, afternoon = datetime(2026, 11, 3, 5, tzinfo=UTC), datetime(2026, 11, 3, 8, tzinfo=UTC)
    assert not comes_before(noon, date(2026, 11, 3), afternoon, date(2026, 11, 3))
    assert comes_before(noon, date(2026, 11, 3), datetime(2026, 11, 4, 5, tzinfo=UTC), date(2026, 11, 4))
    # 00:30 in Jayapura is 22:30 of the day before in Jakarta.
    sent, reached = datetime(2026, 11, 3, 15, 30, tzinfo=UTC), datetime(2026, 11, 3, 16, 30, tzinfo=UTC)
    assert not comes_before(reached, date(2026, 11, 3), sent, date(2026, 11, 4))
