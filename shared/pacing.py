"""How long a loop rests between batches.

A batch costs as much as thirty events before it holds any. So a loop that is not behind may work for a part of the
time and no more: on an idle machine it is there at once, on a busy one its batches grow instead of their number.
"""

import time


class Pace:
    """What a loop may spend: it earns a share of the time that passes, and saves up to `SAVED_SECONDS` of work."""

    SHARE = 0.4
    SAVED_SECONDS = 0.15
    LONGEST_SECONDS = 0.2

    def __init__(self, share: float = SHARE) -> None:
        self._share = share
        self._credit, self._at = self.SAVED_SECONDS, time.monotonic()

    def rest_after(self, taken_seconds: float) -> float:
        """Seconds to rest after a batch that took so long, and was not a full one; 0 where there are savings."""
        now = time.monotonic()
        self._credit = min(self.SAVED_SECONDS, self._credit + (now - self._at) * self._share) - taken_seconds
        self._at = now
        rest = min(self.LONGEST_SECONDS, max(0.0, -self._credit / self._share))
        # Who has rested the longest owes nothing more.
        self._credit = max(self._credit, -self.LONGEST_SECONDS * self._share)
        return rest


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
