"""Shelter's decisions: pure functions of what is known. Nights are local dates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

_SEX_OF_ROOM = {"male": "M", "female": "F"}
_ONE_NIGHT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Nights:
    """A range of nights: from the one of `first` to the one before `until`; without `until` it has no end."""

    first: date
    until: date | None = None

    def overlaps(self, other: "Nights") -> bool:
        """Whether they share a night."""
        return (other.until is None or self.first < other.until) and (self.until is None or other.first < self.until)

    def holds(self, night: date) -> bool:
        return self.first <= night and (self.until is None or night < self.until)

    def between(self, first: date, last: date) -> int:
        """How many of these nights lie from `first` up to and with `last`."""
        begins = max(self.first, first)
        ends = last + _ONE_NIGHT if self.until is None else min(self.until, last + _ONE_NIGHT)
        return max(0, (ends - begins).days)


def admits(room_type: str, sex: str) -> bool:
    """Male and female rooms hold one sex; family and isolation rooms either."""
    return _SEX_OF_ROOM.get(room_type, sex) == sex


def there(retired_on: date | None, nights: Nights) -> bool:
    """Whether a bed is in the shelter on all of these nights."""
    return retired_on is None or (nights.until is not None and nights.until <= retired_on)


def free(taken: Iterable[Nights], nights: Nights) -> bool:
    """Whether none of what is taken shares a night with these."""
    return not any(one.overlaps(nights) for one in taken)


def bed_nights(stays: Iterable[tuple[Nights, int]], first: date, last: date) -> int:
    """Beds taken, summed over the nights from `first` up to and with `last`; each range comes with how many have it."""
    return sum(nights.between(first, last) * count for nights, count in stays)


def taken_by_night(stays: Iterable[tuple[Nights, int]], first: date, last: date) -> list[tuple[date, int]]:
    """Where the number of taken beds changes from `first` up to and with `last`: the night, and the beds from then on.

    The first entry is that of `first`.
    """
    change = {first: 0}
    for nights, count in stays:
        if not nights.between(first, last):
            continue
        begins = max(nights.first, first)
        change[begins] = change.get(begins, 0) + count
        if nights.until is not None and nights.until <= last:
            change[nights.until] = change.get(nights.until, 0) - count
    taken, steps = 0, []
    for night in sorted(change):
        taken += change[night]
        steps.append((night, taken))
    return steps


def peak(stays: Iterable[tuple[Nights, int]], first: date, last: date) -> int:
    """The most beds taken on one night."""
    return max(taken for _, taken in taken_by_night(stays, first, last))


def each_night(steps: Sequence[tuple[date, int]], last: date) -> list[int]:
    """The number for every night of `taken_by_night`, up to and with `last`."""
    counts: list[int] = []
    ends = [night for night, _ in steps[1:]] + [last + _ONE_NIGHT]
    for (begins, taken), end in zip(steps, ends, strict=True):
        counts += [taken] * (end - begins).days
    return counts
