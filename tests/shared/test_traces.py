"""Traces: from a request to the agency's consumer, as a collector sees them; and nothing at all without one."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from shared.bus.protocol import Bus, BusUnavailable, Record
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE
from shared.events.shelter import ReferralAccepted
from shared.service import Service
from shared.settings import SettingInvalid, Settings
from shared.telemetry.spans import accepted
from shared.telemetry.traces import traces_from_environment
from tests.services.intake.story import ShelterVoice, refer, told
from tests.shared.collecting import Collector, Told, collecting
from tests.world import Pulang, running

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{CALLER}-01"
NAME = "Contoh Rahasia"
BIRTH = "1987-06-05"
ATTRIBUTES = {
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "error.type",
    "messaging.operation.name",
    "messaging.operation.type",
    "messaging.batch.message_count",
    "messaging.consumer.group.name",
}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Named as operators name it."""
    with collecting() as one:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", one.url)
        monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100000")
        yield one


def bus_of(pulang: Pulang) -> Bus:
    app = cast(FastAPI, cast(httpx.ASGITransport, pulang.client._transport).app)
    return cast(Service, app.state.services["intake"]).bus


def place_in(event: dict[str, Any]) -> tuple[str, str]:
    """Trace and span that an event was recorded in."""
    version, trace, span, flags = event["traceparent"].split("-")
    assert (version, flags) == ("00", "01")
    return trace, span


def only(spans: list[Told], service: str, name: str, trace: str = TRACE) -> Told:
    (found,) = [s for s in spans if (s.service, s.name, s.trace) == (f"pulang-{service}", name, trace)]
    return found


async def registered(pulang: Pulang, **headers: str) -> str:
    """Somebody with a name, in a request with these headers; IOM may follow."""
    body = {
        "name": NAME,
        "sex": "F",
        "birth_date": BIRTH,
        "origin_regency": "35.07",
        "destination_country": "MY",
        "arrival_point": "TNJ",
        "arrival_date": "2026-11-03",
        "register_anyway": True,
    }
    answer = await pulang.officer().post("/intake/cases", body, headers=headers)
    assert answer.status_code == 201, answer.text
    case = str(answer.json()["case_id"])
    consent = {
        "decisions": [{"agency": "iom", "status": "given", "level": "pseudonymous"}],
        "given_by": "person",
        "language": "id",
        "witness": NAME,
        "occurred_at": "2026-11-03",
    }
    await pulang.officer().done(f"/intake/cases/{case}/consents", consent)
    return case


async def of_iom(pulang: Pulang, case: str) -> dict[str, dict[str, Any]]:
    """What IOM's feed tells of a case, by type."""
    events = (await pulang.reader("iom").get("/exchange/feed", params={"limit": 1000})).json()["events"]
    return {event["type"]: event for event in events if event["subject"] == case}


async def test_one_trace_from_the_request_to_the_agency(collector: Collector, settings: Settings) -> None:
    async with running(settings) as pulang:
        await pulang.open_post()
        case = await registered(pulang, traceparent=GIVEN)
        await pulang.settled()
        feed = await of_iom(pulang, case)
        topic = await on_topic(pulang, "iom")
    spans = collector.spans

    request = only(spans, "intake", "POST /intake/cases")
    assert request.parent == CALLER
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/intake/cases",
        "http.response.status_code": 201,
    }
    event = feed["pulang.case.registered.v1"]
    assert place_in(event) == request.place
    assert [one["traceparent"] for one in topic if one["id"] == event["id"]] == [event["traceparent"]]
    for service in ("shelter", "aid"):
        reaction = only(spans, service, "process pulang.case.registered.v1")
        assert reaction.parent == request.id
        assert reaction.attributes["messaging.consumer.group.name"] == f"{service}.reactions"
    folded = [s for s in spans if s.service == "pulang-exchange" and s.trace == TRACE]
    assert {s.attributes["messaging.consumer.group.name"] for s in folded} == {"exchange.log", "exchange.indicators"}
    assert {s.parent for s in folded} == {request.id}
    sent = [s for s in spans if s.name == "send" and request.place in s.links]
    assert sorted(s.service for s in sent) == ["pulang-exchange", "pulang-intake"]
    assert all(s.parent == "" and s.trace != TRACE for s in sent)


async def test_what_a_reaction_records_is_its_child(collector: Collector, settings: Settings) -> None:
    """The answer of a shelter that was asked before: the question to the other one is taken back."""
    async with running(settings) as pulang:
        await pulang.open_post()
        for shelter in ("RPTC-A", "RPTC-B"):
            await pulang.open_shelter(shelter)
        case = await registered(pulang)
        (first,) = await refer(pulang, case, shelter="RPTC-A")
        await pulang.officer().done(f"/intake/referrals/{first}/revocation", {"occurred_at": "2026-11-03"})
        await refer(pulang, case, shelter="RPTC-B")
        voice = ShelterVoice(pulang)
        answer = voice.event(case, ReferralAccepted(referral=first, facility="RPTC-A"))
        await voice.publish([answer._replace(traceparent=GIVEN)])
        revoked = told(pulang, case)[-1][1]
    spans = collector.spans

    heard = only(spans, "intake", "process pulang.referral.accepted.v1")
    assert heard.parent == CALLER
    assert revoked["type"] == "pulang.referral.revoked.v1"
    assert place_in(revoked) == heard.place
    assert only(spans, "shelter", "process pulang.referral.revoked.v1").parent == heard.id


async def test_a_span_tells_nothing_of_anybody(collector: Collector, settings: Settings) -> None:
    async with running(settings) as pulang:
        await pulang.open_post("PST-RAHASIA")
        await pulang.open_shelter("RPTC-RAHASIA")
        await pulang.open_post()
        case = await registered(pulang)
        await pulang.officer().get(f"/intake/cases/{case}?name={NAME}")
        await pulang.officer().get(f"/intake/{NAME}")
        await pulang.client.request("RAHASIA", "/intake/cases")
        await refer(pulang, case, shelter="RPTC-RAHASIA")
        await pulang.settled()

    everything = b"".join(collector.raw)
    for secret in (NAME, "Contoh", "ahasia", "RAHASIA", BIRTH, case, "kemensos", "bp2mi", "Bearer"):
        assert secret.encode() not in everything
    assert {name for span in collector.spans for name in span.attributes} <= ATTRIBUTES
    names = {span.name for span in collector.spans if not span.name.startswith(("process pulang.", "send"))}
    assert {"GET /intake/cases/{case_id}", "HTTP /intake/cases", "PUT /intake/arrival-points/{code}"} <= names
    assert all(name.split(" ")[0] in ("GET", "POST", "PUT", "HTTP") for name in names)
    assert all(span.nanoseconds >= 0 for span in collector.spans)


async def test_what_was_rolled_back_is_not_told(collector: Collector, settings: Settings) -> None:
    """An event that cannot be taken in stands in a batch with one that can: that one took effect once."""
    async with running(settings) as pulang:
        await pulang.open_post()
        good, bad = [await registered(pulang) for _ in range(2)]
        await pulang.settled()
        voice = ShelterVoice(pulang)
        events = [
            voice.event(case, ReferralAccepted(referral=case, facility="RPTC-A"))._replace(traceparent=GIVEN)
            for case in (good, bad)
        ]
        events[1] = events[1]._replace(data={"referral": 17})
        await bus_of(pulang).publish([Record(LIFECYCLE, good, event.to_bytes(), 0) for event in events])
        await pulang.settled()

    only(collector.spans, "intake", "process pulang.referral.accepted.v1")


async def test_a_bus_that_refuses_is_a_failed_span(
    collector: Collector, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = asyncio.Event()

    async def refuse(records: Any) -> None:
        refused.set()
        raise BusUnavailable("gone")

    async with running(settings) as pulang:
        with monkeypatch.context() as patched:
            patched.setattr(bus_of(pulang), "publish", refuse)
            await pulang.open_post()
            await refused.wait()
        await pulang.settled()

    sends = [span for span in collector.spans if span.name == "send" and span.service == "pulang-intake"]
    assert {span.attributes.get("error.type") for span in sends if span.failed} == {"BusUnavailable"}
    assert any(not span.failed for span in sends)


async def test_an_unsampled_trace_goes_on_unsampled(
    collector: Collector, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    async with running(settings) as pulang:
        await pulang.open_post()
        case = await registered(pulang, traceparent=GIVEN)
        await pulang.settled()
        feed = await of_iom(pulang, case)

    assert collector.spans == []
    assert feed["pulang.case.registered.v1"]["traceparent"].startswith(f"00-{TRACE}-")
    assert feed["pulang.case.registered.v1"]["traceparent"].endswith("-00")


async def test_a_collector_that_is_away_holds_nobody_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    async with asyncio.timeout(60):
        async with running(settings) as pulang:
            await pulang.open_post()
            await registered(pulang)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (GIVEN, GIVEN),
        (GIVEN[:-2] + "00", GIVEN[:-2] + "00"),
        (GIVEN.upper(), None),
        ("00-" + "0" * 32 + f"-{CALLER}-01", None),
        (f"00-{TRACE}-" + "0" * 16 + "-01", None),
        ("ff" + GIVEN[2:], None),
        (GIVEN + "-Contoh", None),
        ("01" + GIVEN[2:] + "-Contoh", GIVEN),
        ("Contoh", None),
        ("", None),
        ("x" * 5000, None),
    ],
)
def test_what_a_caller_says_of_its_trace(given: str, kept: str | None) -> None:
    assert accepted(given) == kept


async def test_without_a_collector_events_carry_what_the_caller_said(pulang: Pulang) -> None:
    await pulang.open_post()
    followed, alone = await registered(pulang, traceparent=GIVEN), await registered(pulang, traceparent="Contoh")
    await pulang.settled()
    assert (await of_iom(pulang, followed))["pulang.case.registered.v1"]["traceparent"] == GIVEN
    assert "traceparent" not in (await of_iom(pulang, alone))["pulang.case.registered.v1"]


@pytest.mark.parametrize("endpoint", ["collector:4318", "nonsense", "ftp://collector", "http://", "http://[x"])
def test_an_endpoint_that_cannot_be_meant_is_refused(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    with pytest.raises(SettingInvalid, match="OTEL_EXPORTER_OTLP_ENDPOINT must be like"):
        traces_from_environment(["intake"])


def test_without_a_collector_nothing_is_imported_for_it(tmp_path: Path) -> None:
    """Nor the library of the metrics, before somebody asks for them: both would be a good part of the start."""
    program = (
        "import json, sys; from pathlib import Path;"
        "from pulang.app import create_app; from shared.settings import Settings;"
        "Path(sys.argv[1]).mkdir(); create_app(Settings(Path(sys.argv[1]))); print(json.dumps(sorted(sys.modules)))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "data")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    imported = json.loads(done.stdout)
    assert "shared.telemetry.traces" in imported
    heavy = ("opentelemetry.sdk", "opentelemetry.exporter", "google.protobuf", "requests", "prometheus_client")
    assert [name for name in imported if name.startswith(heavy)] == []


@pytest.fixture
def settings(migrated_folder: Path, tmp_path: Path) -> Settings:
    """A migrated folder on which nothing runs yet."""
    shutil.copytree(migrated_folder, tmp_path / "data")
    return Settings(tmp_path / "data")


async def on_topic(pulang: Pulang, agency: str) -> list[dict[str, Any]]:
    """What an agency reads from its own topic."""
    reader = bus_of(pulang).subscribe(f"{agency}.reader", [f"pulang.agency.{agency}"])
    await reader.start()
    found: list[dict[str, Any]] = []
    while batch := await reader.getmany(1000, 0.2):
        found += [json.loads(record.value) for record in batch]
    await reader.stop()
    assert all(Event.from_bytes(json.dumps(event).encode()) for event in found)
    return found
