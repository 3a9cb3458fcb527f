"""`pulang watch AGENCY --kafka`: the agency's topic itself, by the agency's own login."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from pulang.complaint import Complaint
from pulang.kafka_properties import read_kafka_properties
from shared.bus.kafka import KafkaBus
from shared.bus.protocol import Record
from shared.settings import KafkaSettings
from tests.real.kafka import console_consumer
from tests.real.provisioned import Provisioned, provisioned_kafka
from tests.system.command import Said, environment, pulang

PATIENCE_SECONDS = 60
TOPIC = "pulang.agency.iom"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Provisioned:
    return provisioned_kafka(tmp_path_factory.getbasetemp())


@pytest.fixture
def config(kafka: Provisioned, tmp_path: Path) -> Path:
    return kafka.properties("iom", tmp_path / "iom.properties")


@pytest.fixture
def case() -> str:
    return f"case-{uuid4().hex}"


def event(case: str, version: int, grant: int = 1) -> dict[str, Any]:
    """`id` is the same in every grant."""
    return {
        "specversion": "1.0",
        "id": f"{case}-{version}",
        "source": "/pulang/intake",
        "type": "pulang.case.registered.v1",
        "subject": case,
        "time": "2026-03-01T05:00:00Z",
        "streamversion": version,
        "grant": grant,
        "data": {"age_band": "18-24"},
    }


def publish(kafka: Provisioned, *values: dict[str, Any] | bytes) -> None:
    """As exchange does."""

    async def all_of_them() -> None:
        bus = KafkaBus(kafka.login("exchange"), creates=False)
        await bus.start()
        texts = [value if isinstance(value, bytes) else orjson.dumps(value) for value in values]
        await bus.publish([Record(TOPIC, "case", text, 1_790_000_000_000) for text in texts])
        await bus.stop()

    asyncio.run(all_of_them())


def records_in_topic(kafka: Provisioned) -> int:
    async def count() -> int:
        bus = KafkaBus(kafka.login("iom"), creates=False)
        await bus.start()
        there = await bus.lag("iom.counting", [TOPIC])
        await bus.stop()
        return there

    return asyncio.run(count())


def watch(kafka: Provisioned, config: Path, *more: object, agency: str = "iom", idle: float = 0) -> Said:
    where = {"KAFKA_BOOTSTRAP": kafka.broker.agencies}
    return pulang("watch", agency, "--kafka", "--kafka-config", config, "--until-idle", idle, *more, variables=where)


def of_case(said: Said, case: str) -> list[dict[str, Any]]:
    assert said.status == 0, said.err
    return [one for one in map(orjson.loads, said.out.splitlines()) if one["subject"] == case]


def test_everything_is_printed_once_a_grant_as_it_stands_there(kafka: Provisioned, config: Path, case: str) -> None:
    first, second, again = event(case, 1), event(case, 2), event(case, 1, grant=2)
    publish(kafka, first, second, second, first, again, again)
    assert of_case(watch(kafka, config, "--json"), case) == [first, second, again]
    assert of_case(watch(kafka, config, "--json"), case) == [first, second, again], "every watch from the start"


def test_it_reads_as_the_feed_does(kafka: Provisioned, config: Path, case: str) -> None:
    publish(kafka, event(case, 1))
    said = watch(kafka, config)
    (line,) = (line for line in said.out.splitlines() if case in line)
    assert line == f"2026-03-01  case.registered              {case} v1  age_band=18-24"


def test_what_is_no_event_is_passed_over_and_said(kafka: Provisioned, config: Path, case: str) -> None:
    publish(kafka, b"\xff no event", b"[]", event(case, 1))
    said = watch(kafka, config, "--json")
    assert len(of_case(said, case)) == 1
    assert all("is no event" in line and TOPIC in line for line in said.err.splitlines())
    assert len(said.err.splitlines()) >= 2


@pytest.fixture
def watching(kafka: Provisioned, config: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """With the file where it is looked for."""
    (config.parent / ".cluster").mkdir()
    config.rename(config.parent / ".cluster" / "iom.properties")
    with subprocess.Popen(
        [sys.executable, "-m", "pulang", "watch", "iom", "--kafka", "--json"],
        cwd=config.parent,
        env=environment() | {"KAFKA_BOOTSTRAP": kafka.broker.agencies},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        yield process
        process.kill()


def test_what_comes_is_printed_when_it_comes_until_it_is_told_to_end(
    kafka: Provisioned, watching: "subprocess.Popen[bytes]", case: str
) -> None:
    assert watching.stdout is not None
    for version in (1, 2):
        publish(kafka, event(case, version))
        while orjson.loads(watching.stdout.readline()) != event(case, version):
            pass
    watching.send_signal(signal.SIGTERM)
    assert watching.wait(PATIENCE_SECONDS) == 0


def test_the_stock_consumer_reads_the_same_file(kafka: Provisioned, config: Path, case: str) -> None:
    publish(kafka, event(case, 1))
    until = ("--max-messages", records_in_topic(kafka), "--timeout-ms", PATIENCE_SECONDS * 1000)
    stock = console_consumer(kafka.broker.agencies, config, TOPIC, f"iom.{case}", *until)
    assert stock.returncode == 0, stock.stderr
    assert orjson.dumps(event(case, 1)) in stock.stdout.splitlines()


def test_what_is_wrong_is_one_line(kafka: Provisioned, config: Path, tmp_path: Path) -> None:
    assert "--after" in watch(kafka, config, "--after", "x").line
    assert "no agency" in watch(kafka, config, agency="IOM!").line
    assert "closed to this user" in watch(kafka, config, agency="bp2mi").line
    assert "iom.properties cannot be read" in pulang("watch", "iom", "--kafka", cwd=tmp_path / "..").line
    assert "KAFKA_BOOTSTRAP" in pulang("watch", "iom", "--kafka-config", config, variables={"KAFKA_BOOTSTRAP": ""}).line
    away = pulang("watch", "iom", "--kafka-config", config, variables={"KAFKA_BOOTSTRAP": "127.0.0.1:1"})
    assert "127.0.0.1:1" in away.line
    config.write_text(config.read_text().replace('password="', 'password="not-'))
    refused = watch(kafka, config)
    assert "wrong user or password" in refused.line
    assert "not-" not in refused.line


LOGIN = 'sasl.jaas.config=any.Module required username="iom" password="a\\\\"b";'
GOOD = ["security.protocol = SASL_SSL", "sasl.mechanism: SCRAM-SHA-512", LOGIN]
TRUST = ["ssl.truststore.type=PEM", "ssl.truststore.location=/ca.pem"]


def read(tmp_path: Path, *lines: str, bootstrap: str | None = "kafka:9094") -> KafkaSettings:
    (tmp_path / "one.properties").write_text("\n".join(lines))
    return read_kafka_properties(tmp_path / "one.properties", bootstrap)


def test_a_file_is_read_as_java_reads_it(tmp_path: Path) -> None:
    long = LOGIN.replace(" required", " required \\\n    ")
    for lines in ((*GOOD, *TRUST), ("# one", "! two", "", *GOOD[:2], long, *TRUST)):
        assert read(tmp_path, *lines) == KafkaSettings("kafka:9094", "iom", 'a"b', Path("/ca.pem"))
    inside = ["security.protocol=SASL_PLAINTEXT", *GOOD[1:], "bootstrap.servers=inside:9092"]
    assert read(tmp_path, *inside, bootstrap=None) == KafkaSettings("inside:9092", "iom", 'a"b')
    assert read(tmp_path, *inside).bootstrap == "kafka:9094"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (GOOD, "ssl.truststore"),
        ([*GOOD, TRUST[0].replace("PEM", "JKS"), TRUST[1]], "must be PEM"),
        ([*GOOD[:2], *TRUST], "sasl.jaas.config"),
        ([*GOOD[:2], 'sasl.jaas.config=any.Module required username="iom";', *TRUST], "sasl.jaas.config"),
        ([GOOD[0], LOGIN, *TRUST], "sasl.mechanism"),
        ([*GOOD[1:], *TRUST], "security.protocol"),
        (["security.protocol=SSL", *GOOD[1:], *TRUST], "security.protocol"),
    ],
)
def test_a_file_that_does_not_serve_is_said_without_its_password(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(Complaint, match=said) as refused:
        read(tmp_path, *lines)
    assert 'a"b' not in str(refused.value)
