"""The metrics in the text format of Prometheus. Imported at the first scrape, not at the start."""

import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from shared.metrics.figures import Figure, Leased
from shared.metrics.requests import BOUNDS_SECONDS, Requests
from shared.metrics.standing import Pooled, Standing
from shared.outbox.relay import Relay
from shared.service import Service

_BOUNDS = [*(str(bound) for bound in BOUNDS_SECONDS), "+Inf"]


class Exposition(Collector):
    """A registry of its own: several apps can live in one process."""

    def __init__(self) -> None:
        self._families: Sequence[Metric] = ()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def collect(self) -> Iterable[Metric]:
        return self._families

    def text(self, families: Sequence[Metric], accept: str) -> tuple[bytes, str]:
        """Encoded as `accept` wishes; with the content type."""
        self._families = families
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


def request_families(requests: Requests) -> list[Metric]:
    """Counts and durations."""
    total = CounterMetricFamily("pulang_http_requests_total", "Requests.", labels=("method", "route", "status"))
    for group, count in requests.by_status.items():
        total.add_metric(group, count)
    durations = HistogramMetricFamily(
        "pulang_http_request_duration_seconds", "From the first byte to the last.", labels=("method", "route")
    )
    for route, found in requests.by_route.items():
        durations.add_metric(route, list(zip(_BOUNDS, accumulate(found.counts), strict=True)), found.seconds)
    return [total, durations]


def service_families(
    services: Sequence[Service],
    standings: Mapping[str, Standing | None],
    lags: Mapping[str, int | None],
) -> list[Metric]:
    """`standings` by service, `lags` by consumer; what is None is left out."""
    return [
        *_outbox(services, standings),
        *_relays(services),
        *_consumers(services, standings, lags),
        *_pools(services),
    ]


def figure_families(told: Mapping[str, Sequence[Figure] | None]) -> list[Metric]:
    """`told`: by service; what is None is left out."""
    families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
    for service, figures in told.items():
        for one in figures or ():
            labels = ("service", *one.labels)
            made = CounterMetricFamily if one.counts else GaugeMetricFamily
            family = families.setdefault(one.name, made(one.name, one.documentation, labels=labels))
            for values, figure in one.values.items():
                family.add_metric((service, *values), figure)
    return list(families.values())


def ready_family(ready: bool) -> Metric:
    return GaugeMetricFamily("pulang_ready", "1 when nothing is missing, as /readyz tells.", value=int(ready))


def _outbox(services: Sequence[Service], standings: Mapping[str, Standing | None]) -> list[Metric]:
    backlog = _gauge("pulang_outbox_backlog_events", "Events that are not on the bus yet.", "service")
    oldest = _gauge("pulang_outbox_oldest_age_seconds", "Since the oldest of them was recorded; 0 for none.", "service")
    for service in services:
        if (found := standings[service.name]) is not None:
            age = 0.0 if found.oldest_ms is None else max(0.0, time.time() - found.oldest_ms / 1000)
            backlog.add_metric((service.name,), found.backlog)
            oldest.add_metric((service.name,), age)
    return [backlog, oldest]


def _relays(services: Sequence[Service]) -> list[Metric]:
    held = _gauge("pulang_relay_lease_held", "1 in the replica whose relay sends.", "service", "relay")
    number = _gauge("pulang_relay_lease_number", "Grows with every holder; 0 where not held.", "service", "relay")
    published = CounterMetricFamily(
        "pulang_published_events_total", "Events that the bus acknowledged.", labels=("service", "relay")
    )
    for service in services:
        leased: list[Leased] = [service.relay, *(one for one in service.companions if isinstance(one, Leased))]
        for relay in leased:
            name, holding = relay.lease
            held.add_metric((service.name, name), int(holding > 0))
            number.add_metric((service.name, name), holding)
            if isinstance(relay, Relay):
                published.add_metric((service.name, name), relay.published)
    return [held, number, published]


def _consumers(
    services: Sequence[Service], standings: Mapping[str, Standing | None], lags: Mapping[str, int | None]
) -> list[Metric]:
    lag = _gauge("pulang_consumer_lag_events", "Events that its group has not dealt with.", "service", "consumer")
    parked = _gauge("pulang_parked_events", "Events that could not be taken in, or wait behind.", "service", "consumer")
    dead = _gauge("pulang_dead_letters", "Those of them that nobody tries any more.", "service", "consumer")
    consumed = CounterMetricFamily(
        "pulang_consumed_events_total", "Events that took effect.", labels=("service", "consumer")
    )
    for service in services:
        found = standings[service.name]
        for loop in service.loops:
            name = loop.consumer.name
            consumed.add_metric((service.name, name), loop.consumed)
            if (behind := lags[name]) is not None:
                lag.add_metric((service.name, name), behind)
            if found is not None:
                parked.add_metric((service.name, name), found.parked[name])
                dead.add_metric((service.name, name), found.dead[name])
    return [lag, parked, dead, consumed]


def _pools(services: Sequence[Service]) -> list[Metric]:
    used = _gauge("pulang_database_connections_in_use", "Connections at work.", "service", "pool")
    most = _gauge("pulang_database_connections_limit", "Connections at most.", "service", "pool")
    for service in services:
        if isinstance(service.database, Pooled):
            for pool, (in_use, limit) in service.database.connections().items():
                used.add_metric((service.name, pool), in_use)
                most.add_metric((service.name, pool), limit)
    return [used, most]


def _gauge(name: str, documentation: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, labels=labels)
