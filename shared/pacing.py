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
