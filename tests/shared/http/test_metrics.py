"""/metrics: what Prometheus reads of a running Pulang, and that it can always be read."""

import asyncio
import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text, update

from shared.bus.protocol import Bus, BusUnavailable, Record
from shared.consuming.table import PARKED
from shared.database.protocol import DatabaseUnavailable
from shared.events.fact import LIFECYCLE
from shared.metrics import asking
from shared.metrics.exposition import request_families
from shared.metrics.requests import Requests
from shared.service import Service
from shared.settings import Settings
from tests.shared.http.asking import MARKER, send
from tests.world import Pulang, running

LABELS = {"service", "consumer", "relay", "pool", "method", "route", "status", "le", "state", "outcome"}
"""Each has few values; none names a person, a place or an agency."""
CONSUMERS = {
    ("intake", "intake.reactions"),
    ("shelter", "shelter.reactions"),
    ("aid", "aid.reactions"),
    ("psychosocial", "psychosocial.reactions"),
    ("exchange", "exchange.log"),
    ("exchange", "exchange.indicators"),
}
SCRAPED_WITHIN_SECONDS = 10.0
"""Far above the limit of a question, far below for ever."""


class Scraped:
    """One answer of /metrics."""

    def __init__(self, text: str) -> None:
        families = list(text_string_to_metric_families(text))
        self.samples = [sample for family in families for sample in family.samples]
        self.words = "\n".join(
            [f"{family.name} {family.documentation}" for family in families]
            + [f"{sample.name} {sample.labels}" for sample in self.samples]
        )
        """All but the values: a birth year is found in the digits of a duration, sooner or later."""

    def values(self, name: str, **labels: str) -> list[float]:
        """Of the samples of that name that have these labels."""
        return [
            sample.value for sample in self.samples if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def value(self, name: str, **labels: str) -> float:
        (value,) = self.values(name, **labels)
        return value


async def scrape(pulang: Pulang) -> Scraped:
    """As Prometheus does it: without a token, and not for long."""
    async with asyncio.timeout(SCRAPED_WITHIN_SECONDS):
        answer = await pulang.client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Scraped(answer.text)


@pytest.fixture(autouse=True)
def _always_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was just done shows; how long an answer serves is another story."""
    monkeypatch.setattr(asking, "FRESH_SECONDS", 0.0)


def services_of(pulang: Pulang) -> dict[str, Service]:
    app = cast(FastAPI, cast(httpx.ASGITransport, pulang.client._transport).app)
    return cast(dict[str, Service], app.state.services)


def bus_of(pulang: Pulang) -> Bus:
    """The one that all of them share."""
    return services_of(pulang)["intake"].bus


def away(error: Exception) -> Callable[..., Any]:
    """It refuses."""

    async def refuse(*_: Any) -> Any:
        raise error

    return refuse


class Silent:
    """It does not answer until it is let go, and then it refuses."""

    def __init__(self) -> None:
        self.asked = 0
        self.let_go = asyncio.Event()

    async def __call__(self, *_: Any) -> Any:
        self.asked += 1
        await self.let_go.wait()
        raise DatabaseUnavailable("gone")


async def test_requests_are_counted_by_route_and_class_of_status(pulang: Pulang) -> None:
    await pulang.open_post()
    for _ in range(3):
        await pulang.register()
    await pulang.officer().get(f"/intake/cases/{uuid.uuid4()}")
    found = await scrape(pulang)

    requests = "pulang_http_requests_total"
    assert found.value(requests, method="POST", route="/intake/cases", status="2xx") == 3
    assert found.value(requests, method="GET", route="/intake/cases/{case_id}", status="4xx") == 1
    durations = "pulang_http_request_duration_seconds"
    assert found.value(f"{durations}_count", method="POST", route="/intake/cases") == 3
    assert found.value(f"{durations}_bucket", method="POST", route="/intake/cases", le="+Inf") == 3
    assert 0 < found.value(f"{durations}_sum", method="POST", route="/intake/cases") < 60


def test_a_bucket_holds_what_took_no_longer() -> None:
    requests = Requests()
    for seconds in (0.002, 0.005, 0.3, 69.0):
        requests.count("GET", "/livez", 200, seconds)
    (_, durations) = request_families(requests)
    counted = {sample.labels.get("le"): sample.value for sample in durations.samples}
    assert {le: counted[le] for le in ("0.005", "0.25", "0.5", "30.0", "+Inf")} == {
        "0.005": 2,
        "0.25": 2,
        "0.5": 3,
        "30.0": 3,
        "+Inf": 4,
    }


async def test_what_was_told_was_published_and_consumed(pulang: Pulang) -> None:
    before = await scrape(pulang)
    await pulang.open_post()
    await pulang.register()
    await pulang.settled()
    found = await scrape(pulang)

    published = "pulang_published_events_total"
    assert before.value(published, service="intake") == 0
    assert found.value(published, service="intake", relay="relay") == 2
    assert found.value(published, service="exchange", relay="agency-relay") > 0
    for service, consumer in CONSUMERS:
        assert before.value("pulang_consumed_events_total", service=service, consumer=consumer) == 0
        # Nobody takes in what they told themselves.
        consumed = 0 if service == "intake" else 2
        assert found.value("pulang_consumed_events_total", service=service, consumer=consumer) == consumed
        assert found.value("pulang_consumer_lag_events", service=service, consumer=consumer) == 0
    assert found.values("pulang_outbox_backlog_events") == [0] * 5
    assert found.values("pulang_outbox_oldest_age_seconds") == [0] * 5
    assert set(found.values("pulang_relay_lease_held")) == {1}
    assert all(number >= 1 for number in found.values("pulang_relay_lease_number"))
    assert len(found.values("pulang_relay_lease_number")) == 7
    assert found.value("pulang_ready") == 1


async def test_the_backlog_grows_while_the_bus_is_away(pulang: Pulang, monkeypatch: pytest.MonkeyPatch) -> None:
    await pulang.open_post()
    await pulang.settled()
    bus = bus_of(pulang)
    for name in ("publish", "lag"):
        monkeypatch.setattr(bus, name, away(BusUnavailable("gone")))
    monkeypatch.setattr(bus, "healthy", lambda: asyncio.sleep(0, "gone"))
    began = time.time()
    for _ in range(2):
        await pulang.register()
    found = await scrape(pulang)

    assert found.value("pulang_outbox_backlog_events", service="intake") == 2
    assert 0 <= found.value("pulang_outbox_oldest_age_seconds", service="intake") <= time.time() - began
    assert found.value("pulang_outbox_backlog_events", service="shelter") == 0
    assert found.values("pulang_consumer_lag_events") == []
    assert found.value("pulang_ready") == 0
    status = await pulang.administrator.get("/intake/operations/status")
    assert status.status_code == 200
    assert (status.json()["outbox_backlog"], status.json()["consumer_lag"]) == (2, {"intake.reactions": None})


async def test_nobody_waits_for_what_does_not_answer(pulang: Pulang, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LIMIT_SECONDS", 0.01)
    database = services_of(pulang)["intake"].database
    lag, read, healthy = Silent(), Silent(), Silent()
    monkeypatch.setattr(bus_of(pulang), "lag", lag)
    with monkeypatch.context() as patched:
        patched.setattr(database, "read", read)
        patched.setattr(database, "healthy", healthy)
        for _ in range(5):
            found = await scrape(pulang)
    read.let_go.set()

    assert found.values("pulang_consumer_lag_events") == []
    assert found.values("pulang_outbox_backlog_events", service="intake") == []
    assert found.values("pulang_parked_events", service="intake") == []
    assert found.value("pulang_ready") == 0
    assert found.value("pulang_http_requests_total", route="/metrics") == 4
    assert (lag.asked, healthy.asked) == (len(CONSUMERS), 1), "what is under way is not asked again"


async def test_a_database_that_is_away_hides_its_gauges_alone(pulang: Pulang, monkeypatch: pytest.MonkeyPatch) -> None:
    database = services_of(pulang)["aid"].database
    with monkeypatch.context() as patched:
        patched.setattr(database, "read", away(DatabaseUnavailable("gone")))
        patched.setattr(database, "healthy", lambda: asyncio.sleep(0, "gone"))
        found = await scrape(pulang)

    assert found.values("pulang_outbox_backlog_events", service="aid") == []
    assert len(found.values("pulang_outbox_backlog_events")) == 4
    assert found.values("pulang_consumed_events_total", service="aid") == [0]
    assert found.value("pulang_ready") == 0


async def test_an_answer_serves_for_a_while(pulang: Pulang, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FRESH_SECONDS", 60.0)
    await pulang.open_post()
    await pulang.settled()
    assert (await scrape(pulang)).value("pulang_outbox_backlog_events", service="intake") == 0
    monkeypatch.setattr(bus_of(pulang), "publish", away(BusUnavailable("gone")))
    await pulang.register()
    assert (await scrape(pulang)).value("pulang_outbox_backlog_events", service="intake") == 0
    monkeypatch.setattr(asking, "FRESH_SECONDS", 0.0)
    assert (await scrape(pulang)).value("pulang_outbox_backlog_events", service="intake") == 1


async def test_what_could_not_be_taken_in_is_told_by_consumer(pulang: Pulang) -> None:
    found = await scrape(pulang)
    assert found.values("pulang_parked_events") == found.values("pulang_dead_letters") == [0] * len(CONSUMERS)
    await bus_of(pulang).publish([Record(LIFECYCLE, MARKER, content, 0) for content in (b"no event", b"nor this")])
    await pulang.settled()
    given_up = update(PARKED).where(PARKED.c.payload == b"no event").values(dead=True)
    await services_of(pulang)["shelter"].desk.write(lambda work: work.session.execute(given_up))
    found = await scrape(pulang)

    assert found.values("pulang_parked_events") == [2] * len(CONSUMERS)
    assert found.value("pulang_dead_letters", service="shelter", consumer="shelter.reactions") == 1
    assert sum(found.values("pulang_dead_letters")) == 1


async def test_nothing_that_was_sent_and_no_id_is_told(pulang: Pulang) -> None:
    await pulang.open_post("PST-RAHASIA", name=MARKER)
    case = await pulang.register("PST-RAHASIA", name=MARKER)
    someone = pulang.user("arrival_officer", "bp2mi", "PST-RAHASIA", subject=MARKER)
    await someone.get(f"/intake/cases/{case}?name={MARKER}")
    await someone.get(f"/intake/{MARKER}")
    await someone.get(f"/{MARKER}")
    await send(someone, MARKER, "/intake/cases", b"")
    await send(someone, MARKER, "/livez", b"")
    await pulang.settled()
    found = await scrape(pulang)

    labels: dict[str, set[str]] = {}
    for sample in found.samples:
        for name, value in sample.labels.items():
            labels.setdefault(name, set()).add(value)
    assert set(labels) <= LABELS
    assert labels["method"] == {"GET", "POST", "PUT", "_OTHER"}
    assert labels["status"] <= {"2xx", "4xx"}
    for secret in (MARKER, MARKER.lower(), MARKER.upper(), case, "RAHASIA", "bp2mi", "kemensos", "1990"):
        assert secret not in found.words
    templates = {context for context in labels["route"] if context.startswith("/")}
    assert "/intake/cases/{case_id}" in templates
    assert labels["route"] - templates == {"(none)"}


async def test_two_pulangs_in_one_process_count_apart(pulang: Pulang, settings_of_another: Settings) -> None:
    await pulang.open_post()
    async with running(settings_of_another) as other:
        found = await scrape(other)
        assert found.values("pulang_http_requests_total") == []
        assert found.value("pulang_published_events_total", service="intake") == 0
    assert (await scrape(pulang)).value("pulang_published_events_total", service="intake") == 1


@pytest.fixture
def settings_of_another(migrated_folder: Path, tmp_path: Path) -> Settings:
    shutil.copytree(migrated_folder, tmp_path / "another")
    return Settings(tmp_path / "another")


async def test_openmetrics_for_who_asks_for_it(pulang: Pulang) -> None:
    answer = await pulang.client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


@pytest.mark.on_postgres
async def test_connections_of_a_pool(database: None, pulang: Pulang) -> None:
    desk = services_of(pulang)["intake"].desk
    studying = asyncio.create_task(desk.study(lambda session: session.execute(text("SELECT pg_sleep(300)"))))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    found = await scrape(pulang)
    studying.cancel()
    await asyncio.wait([studying])

    for pool, limit in {"writers": 8, "readers": 4, "students": 2}.items():
        assert found.value("pulang_database_connections_limit", service="intake", pool=pool) == limit
    in_use = "pulang_database_connections_in_use"
    assert found.value(in_use, service="intake", pool="students") == 1
    assert (await scrape(pulang)).value(in_use, service="intake", pool="students") == 0
