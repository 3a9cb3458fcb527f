"""How long a loop rests between batches.

A batch costs as much as thirty events before it holds any. So a loop that is not behind rests in proportion to what its
last batch took: on an idle machine it is there at once, on a busy one its batches grow instead of their number.
"""

SHORTEST_SECONDS = 0.02
LONGEST_SECONDS = 0.2
TIMES = 4


def rest_after(taken_seconds: float) -> float:
    """Seconds to rest after a batch that took so long, and was not a full one."""
    return min(LONGEST_SECONDS, max(SHORTEST_SECONDS, TIMES * taken_seconds))


class Portion:
    """How many records a loop asks for at once: what it takes in within the time that others may wait for its locks."""

    def __init__(self, most: int, within_seconds: float = 0.25, least: int = 10) -> None:
        self.size = most
        self._most = most
        self._least = least
        self._within_seconds = within_seconds

    def took(self, records: int, seconds: float) -> None:
        """Learn from a batch."""
        if seconds > self._within_seconds:
            self.size = max(self._least, int(records * self._within_seconds / seconds))
        elif records == self.size and seconds < self._within_seconds / 2:
            self.size = min(self._most, 2 * self.size)
