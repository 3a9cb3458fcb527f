"""The whole season of 2020 on two replicas of each service, over real Kafka, PostgreSQL and Keycloak, read by the
agencies from Kafka with their own logins and the tools that come with it."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import orjson
import pytest

from deploy.cluster import Cluster
from tests.real.kafka import console_consumer
from tests.system.command import pulang
from tests.system.feeds import (
    Secrets,
    Seen,
    by_agency,
    check_each_is_a_cloudevent,
    check_once_and_without_a_gap,
    histories,
)
from tests.system.seasons import EXAMPLE, totals

pytestmark = pytest.mark.season

SEASON_SECONDS = 1800
IDLE_MS = 8_000
REFUSED_WITHIN_MS = 120_000
"""A refusal ends the tool by itself: a broker that is slow to answer must not look like silence."""


def test_the_season_of_2020_on_a_cluster(cluster: Cluster) -> None:
    began = time.monotonic()
    said = pulang(
        *("demo", EXAMPLE, "--url", cluster.url, "--exit", "--json"),
        timeout=SEASON_SECONDS,
        variables=cluster.environment,
    )
    print(f"the season took {time.monotonic() - began:.0f} s")
    assert said.status == 0, said.err
    told = said.json()
    assert told["differences"] == []
    assert told["figures"] == totals(EXAMPLE)

    seen, secrets = {}, Secrets(EXAMPLE)
    with ThreadPoolExecutor() as beside:
        reading = beside.submit(by_agency, partial(read_topic, cluster))
        verified = beside.submit(pulang, "status", "--verify", variables=cluster.environment)
        assert secrets.in_files(cluster.folder / "logs") == {}
        # Kafka's indexes hold offsets alone, and gigabytes of nothing.
        assert secrets.in_files(cluster.folder / "volumes" / "kafka", "*.log") == {}
    for agency, found in reading.result().items():
        events = first_appearances(found)
        check_once_and_without_a_gap(events)
        check_each_is_a_cloudevent(events)
        assert secrets.found_in(orjson.dumps(events)) == 0
        seen[agency] = histories(events)
    assert seen["kemensos"] == seen["bp2mi"] == seen["iom"]
    assert len(seen["iom"]) == 4497
    assert verified.result().status == 0


def test_no_agency_reads_anothers_topic(cluster: Cluster) -> None:
    done = consume(cluster, "iom", "pulang.agency.bp2mi", "iom.prying", REFUSED_WITHIN_MS)
    assert events_in(done.stdout) == []
    assert b"TopicAuthorizationException" in done.stdout + done.stderr


def read_topic(cluster: Cluster, agency: str) -> Seen:
    done = consume(cluster, agency, f"pulang.agency.{agency}", f"{agency}.console")
    return events_in(done.stdout)


def events_in(output: bytes) -> Seen:
    """Without what the tool logs."""
    return [orjson.loads(line) for line in output.splitlines() if line.startswith(b"{")]


def consume(
    cluster: Cluster, agency: str, topic: str, group: str, idle_ms: int = IDLE_MS
) -> "subprocess.CompletedProcess[bytes]":
    """As the agency, until nothing comes any more."""
    bootstrap, properties = cluster.environment["KAFKA_BOOTSTRAP"], cluster.folder / f"{agency}.properties"
    return console_consumer(bootstrap, properties, topic, group, "--timeout-ms", idle_ms)


def first_appearances(events: Seen) -> Seen:
    """A relay that was stopped and wakes can send twice: order is judged on the first of each."""
    first: dict[tuple[str, str, Any], dict[str, Any]] = {}
    for event in events:
        first.setdefault((event["source"], event["id"], event.get("grant")), event)
    return list(first.values())
