"""Somebody who has kept every table that was ever published, and works out what each withheld figure can be at all.

Shares no code with Pulang. Exact: the tables of a month are sums with the same total and nothing else in common, so the
bounds of the total from all of them together, and then of each figure within its own, are reached by whole numbers.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Range = tuple[float, float]
FEWEST = 10


@dataclass(frozen=True, slots=True)
class Guess:
    """What one withheld figure may be, both ends included."""

    month: str
    table: str
    value: str
    least: float
    most: float


def told(number: int) -> Range:
    """What was rounded to this. Under ten nothing is told."""
    return max(FEWEST, number - 5), number + 4


def total_of(month: Mapping[str, Any]) -> Range:
    """From its own rounding, and from every table's sum."""
    least, most = told(month["arrivals"])
    for table in month["tables"].values():
        ranges = [_range(number) for number in table.values()]
        least = max(least, sum(low for low, _ in ranges))
        most = min(most, sum(high for _, high in ranges))
    return least, most


def guesses(month: Mapping[str, Any]) -> Iterator[Guess]:
    """Of every figure that is withheld in a month that was told."""
    if month["arrivals"] is None:
        return
    least, most = total_of(month)
    for name, table in month["tables"].items():
        for value, number in table.items():
            if number is not None:
                continue
            others = [_range(other) for place, other in table.items() if place != value]
            yield Guess(
                month["month"],
                name,
                value,
                max(0, least - sum(high for _, high in others)),
                most - sum(low for low, _ in others),
            )


def _range(number: int | None) -> Range:
    return (0, math.inf) if number is None else told(number)
