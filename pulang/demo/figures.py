"""Three sources of the same figures, compared: the exchange's indicators, the services' own, and what is expected."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulang.client import OPERATOR
from pulang.replay.api import Api
from pulang.replay.season import Season

EXCHANGE, EXPECTED = "exchange", "expected.json"
OF_SERVICES = {
    "intake": ("cases", "by_trafficking_status", "by_arrival_point", "by_sex", "identity_consent"),
    "shelter": (
        *("sent_home", "still_resident", "resident_by_shelter", "checked_in_by_shelter", "beds_by_shelter"),
        *("peak_occupancy_by_shelter", "bed_nights_by_shelter"),
    ),
    "aid": ("hygiene_kits_issued",),
    "psychosocial": ("psychosocial_sessions",),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure on which a source says something else. `expected` is None where nothing is expected of it."""

    figure: str
    source: str
    expected: Any
    actual: Any

    def to_json(self) -> dict[str, Any]:
        return {"figure": self.figure, "source": self.source, "expected": self.expected, "actual": self.actual}


@dataclass(frozen=True, slots=True)
class Figures:
    """The season's figures by source."""

    exchange: Mapping[str, Any]
    services: Mapping[str, tuple[str, Any]]
    """By figure: the service, and what it says."""
    expected: Mapping[str, Any] | None

    def names(self) -> list[str]:
        names = dict.fromkeys([*(self.expected or {}), *self.exchange, *self.services])
        return list(names) if self.expected is None else [name for name in names if name in self.expected]

    def differences(self) -> list[Difference]:
        """Against what is expected; without expectations, of the services against the exchange."""
        found = []
        for name in self.names():
            service, own = self.services.get(name, ("", None))
            measure = self.exchange.get(name) if self.expected is None else self.expected.get(name)
            sources = {EXCHANGE: self.exchange.get(name)} | ({service: own} if service else {})
            for source, actual in sources.items():
                found += _differences(name, source, measure, actual)
        return found


async def read_figures(api: Api, season: Season) -> Figures:
    """From the first arrival up to and with the season's last day. Raises Complaint."""
    administrator = api.tokens.bearer(OPERATOR, "administrator")
    period = {"from": season.first_day.isoformat(), "until": season.last_day.isoformat()}
    services: dict[str, tuple[str, Any]] = {}
    for service, names in OF_SERVICES.items():
        answer = await api.get(f"/{service}/figures", administrator, **period)
        services |= {name: (service, answer.get(name)) for name in names}
    exchange = await api.get("/exchange/indicators", administrator, **period)
    return Figures(exchange=exchange, services=services, expected=season.expected)


def _differences(name: str, source: str, expected: Any, actual: Any) -> list[Difference]:
    """One for each entry that differs; what is missing on one side counts as nothing there."""
    if not (isinstance(expected, Mapping) and isinstance(actual, Mapping)):
        return [] if expected == actual else [Difference(name, source, expected, actual)]
    return [
        Difference(f"{name}.{key}", source, expected.get(key), actual.get(key))
        for key in dict.fromkeys([*expected, *actual])
        if (expected.get(key) or 0) != (actual.get(key) or 0)
    ]
