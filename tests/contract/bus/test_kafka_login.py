"""The bus on a Kafka with logins, permissions and TLS."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from shared.bus.kafka import KafkaBus, LoginRefused
from shared.bus.protocol import BusUnavailable, Topic
from shared.settings import KafkaSettings
from tests.contract.bus.reading import PATIENCE_SECONDS, read, record, values
from tests.real.certificates import Authority
from tests.real.kafka import ADMIN_PASSWORD
from tests.real.provisioned import Provisioned, provisioned_kafka

SOON_SECONDS = 5.0
Opening = Callable[..., KafkaBus]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Provisioned:
    return provisioned_kafka(tmp_path_factory.getbasetemp())


@pytest.fixture
def admin(kafka: Provisioned) -> KafkaSettings:
    return kafka.login("admin")


@pytest.fixture
async def opened() -> AsyncIterator[Opening]:
    """Makes buses, which are not started; stops them in the end."""
    made: list[KafkaBus] = []

    def one(login: KafkaSettings, creates: bool = False) -> KafkaBus:
        made.append(KafkaBus(login, creates=creates, answer_seconds=SOON_SECONDS, heartbeat_seconds=0.1))
        return made[-1]

    yield one
    for bus in made:
        await bus.stop()


@pytest.fixture
def topic() -> str:
    return f"login.{uuid4().hex[:8]}"


async def refusal(bus: KafkaBus) -> str:
    """Why it does not start, said soon."""
    began = time.monotonic()
    with pytest.raises(BusUnavailable) as refused:
        await bus.start()
    assert time.monotonic() - began < SOON_SECONDS
    return str(refused.value)


@pytest.mark.parametrize("by_tls", [False, True])
async def test_who_has_the_password_publishes_and_reads(
    kafka: Provisioned, admin: KafkaSettings, opened: Opening, topic: str, by_tls: bool
) -> None:
    login = replace(admin, bootstrap=kafka.broker.agencies, ca=kafka.broker.ca) if by_tls else admin
    bus = opened(login, creates=True)
    await bus.start()
    await bus.declare([Topic(topic)])
    await bus.publish([record(topic, "case", "registered")])
    member = bus.subscribe(f"reader.{topic}", [topic])
    await member.start()

    assert values(await read(member, 1)) == ["registered"]
    assert await bus.lag(f"reader.{topic}", [topic]) == 1
    assert await bus.healthy() is None


@pytest.mark.parametrize("who", ["admin", "nobody"])
async def test_a_wrong_login_is_said_at_once_and_without_the_password(
    admin: KafkaSettings, opened: Opening, caplog: pytest.LogCaptureFixture, who: str
) -> None:
    caplog.set_level(logging.DEBUG, "aiokafka")
    bus = opened(replace(admin, user=who, password="not-the-secret"))

    reason = await refusal(bus)

    assert f"refuses {who}: wrong user or password" in reason
    assert "not-the-secret" not in reason + caplog.text
    assert caplog.text


async def test_a_login_that_is_right_is_not_logged_either(
    admin: KafkaSettings, opened: Opening, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "aiokafka")
    await opened(admin).start()
    assert caplog.text
    assert ADMIN_PASSWORD not in caplog.text + repr(admin)


async def test_another_authority_is_not_trusted(
    kafka: Provisioned, admin: KafkaSettings, opened: Opening, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_bytes(Authority().pem)
    reason = await refusal(opened(replace(admin, bootstrap=kafka.broker.agencies, ca=tmp_path / "ca.pem")))
    assert "is not trusted" in reason


async def test_a_certificate_for_another_host_is_not_trusted(
    kafka: Provisioned, admin: KafkaSettings, opened: Opening
) -> None:
    by_number = kafka.broker.agencies.replace("localhost", "127.0.0.1")
    reason = await refusal(opened(replace(admin, bootstrap=by_number, ca=kafka.broker.ca)))
    assert "is not trusted" in reason
    assert "127.0.0.1" in reason


@pytest.mark.parametrize("way", ["no login", "no TLS", "too much TLS"])
async def test_the_wrong_door_is_no_wait_for_ever(
    kafka: Provisioned, admin: KafkaSettings, opened: Opening, way: str
) -> None:
    login = {
        "no login": KafkaSettings(admin.bootstrap),
        "no TLS": replace(admin, bootstrap=kafka.broker.agencies),
        "too much TLS": replace(admin, ca=kafka.broker.ca),
    }[way]
    assert login.bootstrap in await refusal(opened(login))


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_an_authority_that_cannot_be_read_is_said(admin: KafkaSettings, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(ValueError, match=r"no CA certificate .*ca\.pem"):
        KafkaBus(replace(admin, ca=tmp_path / "ca.pem"))


def test_an_address_that_is_none_is_said() -> None:
    with pytest.raises(ValueError, match="host:port"):
        KafkaBus("kafka:abc")


async def test_who_may_not_create_topics_takes_what_is_there(kafka: Provisioned, opened: Opening, topic: str) -> None:
    bus = opened(kafka.login("intake"))
    await bus.start()
    await bus.declare([Topic("pulang.lifecycle", partitions=64)])
    with pytest.raises(BusUnavailable, match=f"topic {topic} is missing.*run `pulang provision`"):
        await bus.declare([Topic("pulang.lifecycle"), Topic(topic)])


async def test_a_bus_that_creates_no_topics_creates_none_also_where_it_could(
    admin: KafkaSettings, opened: Opening, topic: str
) -> None:
    bus = opened(admin)
    await bus.start()
    for _ in range(2):
        with pytest.raises(BusUnavailable, match="missing"):
            await bus.declare([Topic(topic)])


@pytest.mark.parametrize(
    ("who", "where", "why"),
    [
        ("iom", "pulang.agency.iom", "may write no topic"),
        ("iom", "pulang.lifecycle", r"pulang\.lifecycle is missing, or closed"),
        ("intake", "pulang.agency.iom", r"pulang\.agency\.iom is missing, or closed"),
    ],
)
async def test_a_topic_that_is_closed_to_a_user_is_not_written(
    kafka: Provisioned, opened: Opening, who: str, where: str, why: str
) -> None:
    bus = opened(kafka.login(who))
    await bus.start()
    with pytest.raises(BusUnavailable, match=why):
        await bus.publish([record(where, "case", "x")])


@pytest.mark.parametrize(
    ("who", "where"),
    [("iom", "pulang.agency.bp2mi"), ("intake", "pulang.agency.iom"), ("exchange", "pulang.agency.iom")],
)
async def test_a_reader_is_told_which_topic_is_closed_to_it(
    kafka: Provisioned, opened: Opening, who: str, where: str
) -> None:
    """Also where it may see that the topic is there, as its writer."""
    bus = opened(kafka.login(who))
    await bus.start()
    member = bus.subscribe(f"{who}.reader", [where])
    await member.start()
    for _ in range(2):
        with pytest.raises(BusUnavailable, match=f"no right to the topic {where}"):
            await member.getmany(10, PATIENCE_SECONDS)


async def test_a_reader_is_told_that_the_group_is_closed_to_it(kafka: Provisioned, opened: Opening) -> None:
    bus = opened(kafka.login("iom"))
    await bus.start()
    member = bus.subscribe("iomx.reader", ["pulang.agency.iom"])
    await member.start()
    for _ in range(2):
        with pytest.raises(BusUnavailable, match=r"no right to the group iomx\.reader"):
            await member.getmany(10, PATIENCE_SECONDS)
    with pytest.raises(BusUnavailable, match="no right to the group"):
        await bus.lag("iomx.reader", ["pulang.agency.iom"])


async def test_a_refusal_is_told_apart_from_a_kafka_that_is_away(admin: KafkaSettings, opened: Opening) -> None:
    with pytest.raises(LoginRefused):
        await opened(replace(admin, password="x")).start()
    with pytest.raises(BusUnavailable) as away:
        await opened(replace(admin, bootstrap="127.0.0.1:1")).start()
    assert not isinstance(away.value, LoginRefused)
