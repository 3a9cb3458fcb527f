"""`pulang provision` on a real, closed Kafka: what was declared is there, and nothing beyond it is allowed."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from pulang.provision.declared import covered, read_declared
from shared.bus.kafka import KafkaBus, log_in
from shared.bus.protocol import BusUnavailable, Record
from tests.real.kafka import ADMIN_PASSWORD
from tests.real.provisioned import AGENCIES, FILE, Provisioned, provisioned_kafka

PATIENCE_SECONDS = 30
NOTHING = "nothing to change\n"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Provisioned:
    return provisioned_kafka(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def admin(kafka: Provisioned) -> AdminClient:
    return AdminClient(
        {
            "bootstrap.servers": kafka.broker.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "admin",
            "sasl.password": ADMIN_PASSWORD,
        }
    )


@pytest.fixture
async def buses(kafka: Provisioned) -> AsyncIterator["Buses"]:
    made = Buses(kafka)
    yield made
    for bus in made.opened.values():
        await bus.stop()


class Buses:
    """Every user's own, started when it is asked for."""

    def __init__(self, kafka: Provisioned) -> None:
        self._kafka = kafka
        self.opened: dict[str, KafkaBus] = {}

    async def of(self, user: str) -> KafkaBus:
        if user not in self.opened:
            self.opened[user] = KafkaBus(self._kafka.login(user), creates=False, heartbeat_seconds=0.1)
            await self.opened[user].start()
        return self.opened[user]

    async def writes(self, user: str, topic: str) -> bool:
        bus = await self.of(user)
        with allowed_or_refused() as outcome:
            await bus.publish([Record(topic, "case", b"{}", 1_790_000_000_000)])
        return outcome.allowed

    async def reads(self, user: str, topic: str, group: str) -> bool:
        """Where something stands in the topic."""
        member = (await self.of(user)).subscribe(group, [topic])
        with allowed_or_refused() as outcome:
            await member.start()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (received := await member.getmany(10, 1.0)):
                    pass
            await member.commit({received[-1].place: received[-1].offset + 1})
        await member.stop()
        return outcome.allowed


@dataclass
class Outcome:
    allowed: bool = True


@contextmanager
def allowed_or_refused() -> Iterator[Outcome]:
    """Refused for want of a right; any other reason is an error."""
    outcome = Outcome()
    try:
        yield outcome
    except BusUnavailable as refused:
        if not any(word in str(refused) for word in ("no right", "may write no topic", "closed to this user")):
            raise
        outcome.allowed = False


def changed(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """The file, with other words in it."""
    text = FILE.read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (tmp_path / "provision.yaml").write_text(text)
    return tmp_path / "provision.yaml"


def test_once_more_changes_nothing(kafka: Provisioned) -> None:
    said = kafka.provision()
    assert (said.status, said.out, said.err) == (0, NOTHING, "")


def test_an_agency_comes_in_by_tls_too(kafka: Provisioned) -> None:
    """The administrator as well, where there is no way inside."""
    said = kafka.provision(PULANG_KAFKA=kafka.broker.agencies, PULANG_KAFKA_CA=str(kafka.broker.ca))
    assert (said.status, said.out, said.err) == (0, NOTHING, "")


async def test_services_write_and_read_their_topics_alone(buses: Buses) -> None:
    everything = read_declared(FILE)
    for name, user in everything.users.items():
        wrote = {topic for topic in everything.topics if await buses.writes(name, topic)}
        assert wrote == {topic for right in user.writes for topic in covered(right, everything.topics)}, name
    for name, user in everything.users.items():
        group = f"{name}.{uuid4().hex}"
        read = {topic for topic in everything.topics if topic in user.reads or name in ("intake", "iom")}
        assert {topic for topic in read if await buses.reads(name, topic, group)} == user.reads, name


@pytest.mark.parametrize("group", ["iom", "iomx.reader", "bp2mi.reader", "exchange.log"])
async def test_an_agency_has_its_own_groups_alone(buses: Buses, group: str) -> None:
    assert await buses.writes("exchange", "pulang.agency.iom")
    assert await buses.reads("iom", "pulang.agency.iom", f"iom.{uuid4().hex}")
    assert not await buses.reads("iom", "pulang.agency.iom", group)


async def test_no_agency_takes_the_groups_of_a_service(buses: Buses) -> None:
    for agency in AGENCIES:
        with pytest.raises(BusUnavailable, match="no right"):
            await (await buses.of(agency)).lag("intake.reactions", [f"pulang.agency.{agency}"])


def test_a_changed_file_is_applied_and_said(kafka: Provisioned, admin: AdminClient, tmp_path: Path) -> None:
    name = f"pulang.extra-{uuid4().hex[:8]}"
    line = f"  {name}: {{partitions: 2, retention: forever, compacted: false, timestamps: recorded}}\n"
    file = changed(
        tmp_path,
        ("topics:\n  pulang.lifecycle", f"topics:\n{line}  pulang.lifecycle"),
        (
            "pulang.agency.iom: {partitions: 4, retention: 30 days",
            "pulang.agency.iom: {partitions: 4, retention: 7 days",
        ),
        ("reads: [pulang.agency.iom]", f"reads: [pulang.agency.iom, {name}]"),
    )
    said = kafka.provision(file)
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines() == [
        f"topic {name}: created, partitions 2",
        "topic pulang.agency.iom: retention.ms 2592000000 -> 604800000",
        f"user iom: read topic {name}: granted",
    ]
    assert kafka.provision(file).out == NOTHING

    file.write_text(file.read_text().replace(f"{name}: {{partitions: 2", f"{name}: {{partitions: 3"))
    assert kafka.provision(file).out == f"topic {name}: partitions 2 -> 3, its keys have moved\n"
    file.write_text(
        file.read_text().replace(
            "false, timestamps: recorded}\n  pulang.lifecycle", "true, timestamps: recorded}\n  pulang.lifecycle"
        )
    )
    assert kafka.provision(file).out == f"topic {name}: cleanup.policy delete -> compact\n"

    # Fewer partitions: nothing of the file is done, not even what could be.
    file.write_text(
        file.read_text().replace(f"{name}: {{partitions: 3", f"{name}: {{partitions: 1").replace("7 days", "8 days")
    )
    said = kafka.provision(file)
    assert f"topic {name} has 3 partitions and cannot shrink to 1: nothing was changed" in said.line
    assert said.out == ""

    # The topic that is no longer in the file stays.
    assert kafka.provision().out.splitlines() == [
        "topic pulang.agency.iom: retention.ms 604800000 -> 2592000000",
        f"user iom: read topic {name}: taken away, it is not in the file",
    ]
    assert name in admin.list_topics(timeout=10).topics


def test_what_is_granted_beyond_the_file_is_taken_away(kafka: Provisioned, admin: AdminClient) -> None:
    def allow(who: str, name: str, pattern: ResourcePatternType, operation: AclOperation) -> AclBinding:
        return AclBinding(ResourceType.TOPIC, name, pattern, who, "*", operation, AclPermissionType.ALLOW)

    beyond = [
        allow("User:iom", "pulang.", ResourcePatternType.PREFIXED, AclOperation.READ),
        allow("User:*", "*", ResourcePatternType.LITERAL, AclOperation.DESCRIBE),
        allow("User:auditor", "pulang.audit", ResourcePatternType.LITERAL, AclOperation.READ),
    ]
    for done in admin.create_acls(beyond).values():
        done.result(10)
    said = kafka.provision()
    assert said.out.splitlines() == [
        "user *: describe topic *: taken away, it is not in the file",
        "user iom: read topic pulang.*: taken away, it is not in the file",
    ]
    said = kafka.provision()
    assert said.out == NOTHING, "the auditor, whom the file does not know, keeps what it has"
    assert said.err == "pulang: user auditor is not in provision.yaml: its login and permissions stay\n"
    auditor = AclBindingFilter(*beyond[-1]._to_tuple())
    admin.delete_acls([auditor])[auditor].result(10)


def test_a_user_who_may_do_nothing_any_more_may_do_nothing(kafka: Provisioned, tmp_path: Path) -> None:
    said = kafka.provision(changed(tmp_path, ("reads: [pulang.agency.kemensos]", "reads: []")))
    assert said.out.splitlines() == [
        "user kemensos: read group kemensos.*: taken away, it is not in the file",
        "user kemensos: read topic pulang.agency.kemensos: taken away, it is not in the file",
    ]
    assert kafka.provision().out.splitlines() == [
        "user kemensos: read group kemensos.*: granted",
        "user kemensos: read topic pulang.agency.kemensos: granted",
    ]


async def test_a_changed_password_is_applied(kafka: Provisioned) -> None:
    before = kafka.login("bp2mi")
    kafka.change_password("bp2mi")
    assert kafka.provision().out == "user bp2mi: password changed\n"
    await log_in(kafka.login("bp2mi"))
    with pytest.raises(BusUnavailable, match="wrong user or password"):
        await log_in(before)
    assert kafka.provision().out == NOTHING


def test_what_is_wrong_is_one_line_and_no_password(kafka: Provisioned, tmp_path: Path) -> None:
    away = kafka.provision(PULANG_KAFKA="127.0.0.1:1")
    assert "no answer from Kafka at 127.0.0.1:1" in away.line
    assert away.status == 1
    refused = kafka.provision(PULANG_KAFKA_PASSWORD="not-it")
    assert "wrong user or password" in refused.line
    assert "not-it" not in refused.line
    assert "not set: PULANG_KAFKA" in kafka.provision(PULANG_KAFKA="").line
    nobody = kafka.provision(PULANG_KAFKA_USER="iom", PULANG_KAFKA_PASSWORD=kafka.password("iom"))
    assert "refuses iom" in nobody.line
    assert "cannot be read" in kafka.provision(tmp_path / "missing.yaml").line
    assert "groups must be iom." in kafka.provision(changed(tmp_path, ("groups: iom.", "groups: iom"))).line
    other = Provisioned(kafka.broker, tmp_path / "secrets")
    (tmp_path / "secrets" / "kafka" / "agencies" / "iom").unlink()
    assert "password of iom" in other.provision().line
    (tmp_path / "secrets" / "kafka" / "agencies" / "iom").write_text("\n")
    assert "is empty" in other.provision().line


@contextmanager
def late_door(bootstrap: str) -> Iterator[str]:
    """An address where nobody answers at first, and Kafka from the second call on."""
    host, port = bootstrap.split(":")
    listener = socket.create_server(("127.0.0.1", 0))

    def carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while some := source.recv(65536):
                target.sendall(some)
            target.shutdown(socket.SHUT_WR)

    def answer() -> None:
        with contextlib.suppress(OSError):
            listener.accept()[0].close()
            while True:
                caller, broker = listener.accept()[0], socket.create_connection((host, int(port)))
                held.extend((caller, broker))
                for pair in ((caller, broker), (broker, caller)):
                    threading.Thread(target=carry, args=pair, daemon=True).start()

    held = [listener]
    threading.Thread(target=answer, daemon=True).start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    for one in held:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


def test_a_kafka_that_is_not_there_yet_is_awaited_for_so_long(kafka: Provisioned) -> None:
    with late_door(kafka.broker.bootstrap) as address:
        assert "no answer" in kafka.provision(PULANG_KAFKA=address).line
    with late_door(kafka.broker.bootstrap) as address:
        said = kafka.provision(FILE, "--wait", 20, PULANG_KAFKA=address)
        assert (said.status, said.out, said.err) == (0, NOTHING, "")
    began = time.monotonic()
    assert "no answer" in kafka.provision(FILE, "--wait", 1, PULANG_KAFKA="127.0.0.1:1").line
    assert time.monotonic() - began >= 1


def test_the_password_may_stand_in_a_file(kafka: Provisioned, tmp_path: Path) -> None:
    (tmp_path / "admin").write_text(f"{ADMIN_PASSWORD}\n")
    said = kafka.provision(PULANG_KAFKA_PASSWORD="", PULANG_KAFKA_PASSWORD_FILE=str(tmp_path / "admin"))
    assert (said.status, said.out) == (0, NOTHING)
