"""`pulang republish`: the bus is lost, and made again from what the services keep."""

import asyncio
import sqlite3
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import Received, appended
from tests.system import command
from tests.system.command import ask, demo, environment, pulang, up
from tests.system.feeds import AGENCIES, check_once_and_without_a_gap, watch
from tests.system.seasons import weeks

SERVICES = ("intake", "shelter", "aid", "psychosocial", "exchange")
TOPICS = ("pulang.lifecycle", "pulang.operations")
CLEAN = environment()
FORGETS = ("relay_lease", "audit", "audit_heads", "sqlite_sequence", "answers")
"""Tables that change by themselves while a Pulang runs."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after a small season; nobody runs on it."""
    folder = tmp_path_factory.mktemp("republish")
    said = demo(weeks(folder / "season", 1, every=6), folder / "data")
    assert said.status == 0, said.err
    return folder / "data"


def topic(data: Path, name: str) -> list[Received]:
    """What stands on it, each partition in its order."""

    async def read() -> list[Received]:
        bus = EmbeddedBus(data / "bus.db")
        await bus.start()
        member = bus.subscribe("test", [name])
        await member.start()
        found: list[Received] = []
        while len(found) < await appended(bus, name):
            found += await member.getmany(5000, 5.0)
        await bus.stop()
        return found

    return asyncio.run(read())


def records(found: list[Received]) -> list[tuple[Any, ...]]:
    return sorted((one.partition, one.key, one.value, one.timestamp_ms, one.headers) for one in found)


def streams(found: list[Received]) -> dict[tuple[str, str], list[bytes]]:
    told: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for one in found:
        event = orjson.loads(one.value)
        told[event["source"], event["subject"]].append(one.value)
    return told


def rows(data: Path, service: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that a service's database holds."""
    connection = sqlite3.connect(f"file:{data / service}.db?mode=ro", uri=True)
    try:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr)
            for table in tables
            if table not in FORGETS
        }
    finally:
        connection.close()


def lose_the_bus(data: Path) -> None:
    for file in data.glob("bus.db*"):
        file.unlink()


def test_the_bus_is_again_what_it_was_and_nobody_does_anything_twice(lived: Path) -> None:
    before = {name: topic(lived, name) for name in TOPICS}
    state = {service: rows(lived, service) for service in SERVICES}
    with up(lived):
        feeds = {agency: watch(agency, "--data", lived)[0] for agency in AGENCIES}
    lose_the_bus(lived)

    said = pulang("republish", "--data", lived)

    assert said.status == 0, said.err
    assert f"{sum(len(found) for found in before.values())} events are on" in said.out
    for name in TOPICS:
        after = topic(lived, name)
        assert len(after) > 50
        assert records(after) == records(before[name])
        assert streams(after) == streams(before[name])
        by_time(after)
    with up(lived) as server:
        settled(lived, server.url)
        for agency in AGENCIES:
            events, _ = watch(agency, "--data", lived)
            assert events == feeds[agency]
            check_once_and_without_a_gap(events)
    for service in SERVICES:
        now = rows(lived, service)
        assert now.keys() == state[service].keys()
        for table in now:
            assert now[table] == state[service][table], (service, table)
    for agency in AGENCIES:
        assert sorted(one.value for one in topic(lived, f"pulang.agency.{agency}")) == sorted(
            map(orjson.dumps, feeds[agency])
        )


def by_time(found: list[Received]) -> None:
    """Within a partition, which is what has one order; on one clock that puts every cause before its effects."""
    for partition in {one.partition for one in found}:
        moments = [one.timestamp_ms for one in found if one.partition == partition]
        assert moments == sorted(moments)
        services = {orjson.loads(one.value)["source"] for one in found if one.partition == partition}
        assert len(services) > 1


def settled(data: Path, url: str) -> None:
    """Everyone has heard everything again."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        services = [ask(data, url, f"/{service}/operations/status") for service in SERVICES]
        agencies = ask(data, url, "/exchange/agencies")["items"]
        left = sum(sum(service["consumer_lag"].values()) + service["outbox_backlog"] for service in services)
        if not left and all(agency["last"] == agency["sent"] for agency in agencies):
            said = pulang("status", "--json", "--data", data)
            assert said.status == 0, said.err
            assert [service["parked"] for service in said.json()["services"]] == [0] * len(SERVICES)
            return
        time.sleep(0.1)
    raise AssertionError("it does not settle")


def test_topics_that_hold_something_are_refused(lived: Path) -> None:
    before = records(topic(lived, TOPICS[0]))
    said = pulang("republish", "--data", lived)
    assert "pulang.lifecycle holds" in said.line.splitlines()[-1]
    assert records(topic(lived, TOPICS[0])) == before


def test_a_running_pulang_is_left_alone(lived: Path) -> None:
    with up(lived):
        assert "another Pulang runs" in pulang("republish", "--data", lived).line


def test_a_folder_without_a_pulang_is_told(tmp_path: Path) -> None:
    assert "there is no Pulang in" in pulang("republish", "--data", tmp_path).line


def test_what_is_missing_for_a_cluster_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "environment", lambda: CLEAN | {"PULANG_KAFKA": "127.0.0.1:9"})
    line = pulang("republish").line
    assert all(f"PULANG_DATABASE_{service.upper()}" in line for service in SERVICES)
