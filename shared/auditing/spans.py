"""Many whole numbers, most of which come one behind the other."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Spans:
    """Takes as much room as there are gaps."""

    _spans: list[list[int]] = field(default_factory=list)

    def add(self, one: int) -> bool:
        """False where it was in already."""
        if one in self:
            return False
        for span in reversed(self._spans):
            if span[1] + 1 == one:
                span[1] = one
                return True
        self._spans.append([one, one])
        return True

    def __contains__(self, one: int) -> bool:
        return any(first <= one <= last for first, last in self._spans)

    def missing(self, up_to: int) -> list[tuple[int, int]]:
        """Of 1 to `up_to`, what is not in: first and last of each gap."""
        gaps, at = [], 1
        for first, last in sorted(self._spans):
            if first > at:
                gaps.append((at, first - 1))
            at = max(at, last + 1)
        return [*gaps, (at, up_to)] if at <= up_to else gaps


def spans_of(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each row of neighbours, in order."""
    spans: list[tuple[int, int]] = []
    for one in sorted(set(numbers)):
        if spans and spans[-1][1] + 1 == one:
            spans[-1] = (spans[-1][0], one)
        else:
            spans.append((one, one))
    return spans
