"""Aid's decisions: pure functions of what is known."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import accumulate

HYGIENE_KIT = "hygiene kit"
"""The item that the season's totals count."""


def crosses(before: int, after: int, threshold: int) -> bool:
    """Whether a store becomes low by this change: from above the threshold to it or under it. Told once a fall."""
    return after <= threshold < before


def left_without(quantities: Sequence[int], in_stock: int) -> list[int]:
    """Places in the sequence of those for whom the stock, given out in this order, does not reach any more."""
    return [at for at, needed in enumerate(accumulate(quantities)) if needed > in_stock]


def fulfilment(received: int, approved: int | None) -> str:
    """How far a request is met by what has reached the asking store."""
    if received <= 0:
        return "none"
    return "complete" if approved is not None and received >= approved else "partial"


def shipment_status(received: int, sent: int) -> str:
    """`dispatched → partially_received → received`."""
    if received <= 0:
        return "dispatched"
    return "received" if received >= sent else "partially_received"


def comes_before(moment: datetime, on: date, earlier: datetime, earlier_on: date) -> bool:
    """Whether what should have come later is dated earlier.

    By the moment and by the calendar: a date stands for noon, so within a day its moment proves nothing, and between
    two time zones the dates alone prove nothing.
    """
    return moment < earlier and on < earlier_on
