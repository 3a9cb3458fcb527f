"""How many requests there were, and how long they took."""

from bisect import bisect_left
from dataclasses import dataclass, field

from shared.telemetry.spans import method_of

BOUNDS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(slots=True)
class Durations:
    """A histogram. `counts`: one for each of BOUNDS_SECONDS, not added up, and one for what took longer."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_SECONDS) + 1))
    seconds: float = 0.0


@dataclass(slots=True)
class Requests:
    """Counted here and not in the library's counters, which every start would have to import."""

    by_status: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """Requests by method, route template and class of status, such as `2xx`."""
    by_route: dict[tuple[str, str], Durations] = field(default_factory=dict)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route`: as it is declared; one word stands for all that match none."""
        method = method_of(method)
        group = (method, route, f"{status // 100}xx")
        self.by_status[group] = self.by_status.get(group, 0) + 1
        durations = self.by_route.get((method, route))
        if durations is None:
            durations = self.by_route[method, route] = Durations()
        durations.counts[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        durations.seconds += seconds
