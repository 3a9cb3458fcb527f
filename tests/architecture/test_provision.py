"""The file of Kafka's topics and permissions agrees with what the services say of themselves."""

from pathlib import Path

import pytest

from pulang.app import definitions
from pulang.provision.declared import DeclarationInvalid, Declared, read_declared
from pulang.provision.logins import read_passwords
from pulang.secrets_folder import make_secrets
from services.exchange.policy import agency_topic, topic_of_agency
from shared.auditing.heads import AUDIT_TOPIC
from shared.bus.protocol import Topic
from shared.consuming.dead_letters import topic_of
from shared.service import SERVICE_TOPICS
from tests.architecture.source import ROOT
from tests.services.exchange.hearing import AGENCIES

FILE = ROOT / "deploy" / "kafka" / "provision.yaml"


@pytest.fixture
def declared() -> Declared:
    return read_declared(FILE)


def topics_of_the_code() -> dict[str, Topic]:
    found = {topic.name: topic for topic in SERVICE_TOPICS}
    for agency in AGENCIES:
        found[agency_topic(agency)] = topic_of_agency(agency)
    for one in definitions():
        found |= {topic.name: topic for topic in (Topic(topic_of(one.name), 1),)}
    return found


def test_every_topic_is_declared_as_the_code_has_it(declared: Declared) -> None:
    """But for its partitions, which are a matter of load."""
    found = {
        name: (one.topic.retention_days, one.topic.log_append_time, one.compacted)
        for name, one in declared.topics.items()
    }
    assert found == {
        name: (topic.retention_days, topic.log_append_time, False) for name, topic in topics_of_the_code().items()
    }


def test_every_service_may_do_what_it_does_and_no_more(declared: Declared) -> None:
    own = {topic.name for topic in SERVICE_TOPICS}
    for one in definitions():
        user = declared.users[one.name]
        agencies = {"pulang.agency.*"} if one.name == "exchange" else set()
        assert user.writes == own | {topic_of(one.name)} | agencies
        # Its heads it compares with its log when it starts, and when it is asked to.
        assert user.reads == {topic for consumer in one.consumers for topic in consumer.topics} | {AUDIT_TOPIC.name}
        assert user.groups == f"{one.name}."
        assert all(consumer.name.startswith(user.groups) for consumer in one.consumers)


def test_the_heads_of_the_audit_logs_are_kept_for_ever(declared: Declared) -> None:
    one = declared.topics[AUDIT_TOPIC.name]
    assert (one.topic.retention_days, one.topic.log_append_time, one.compacted) == (None, False, False)
    assert {name for name, user in declared.users.items() if one.topic.name in user.reads | user.writes} == {
        definition.name for definition in definitions()
    }


def test_every_agency_reads_its_topic_and_nothing_else(declared: Declared) -> None:
    for agency in AGENCIES:
        user = declared.users[agency]
        assert (user.writes, user.reads, user.groups) == (frozenset(), {agency_topic(agency)}, f"{agency}.")


def test_there_are_no_other_users(declared: Declared) -> None:
    assert set(declared.users) == {one.name for one in definitions()} | set(AGENCIES)


def test_no_two_users_share_a_password(declared: Declared) -> None:
    assert len({user.password for user in declared.users.values()}) == len(declared.users)


def test_every_password_is_one_that_pulang_makes(declared: Declared, tmp_path: Path) -> None:
    make_secrets(tmp_path, [])
    assert set(read_passwords(declared.users.values(), tmp_path)) == set(declared.users)


TOPIC = "{partitions: 4, retention: forever, compacted: false, timestamps: recorded}"
USER = "{password: iom, writes: [], reads: [a], groups: iom.}"
WRONG = {
    "nothing": ("", "topics, users"),
    "no YAML": ("topics: [", "YAML, line 1"),
    "a part too many": (f"topics: {{a: {TOPIC}}}\nusers: {{iom: {USER}}}\nmore: 1", "exactly topics, users"),
    "no topics": (f"topics: {{}}\nusers: {{iom: {USER}}}", "topics must be"),
    "a name": (f"topics: {{a b: {TOPIC}}}\nusers: {{iom: {USER}}}", "'a b'"),
    "a user's name": (f"topics: {{a: {TOPIC}}}\nusers: {{'*': {USER}}}", "'\\*'"),
    "partitions": (f"topics: {{a: {TOPIC.replace('4', '0')}}}\nusers: {{iom: {USER}}}", "topic a: partitions"),
    "retention": (f"topics: {{a: {TOPIC.replace('forever', '30')}}}\nusers: {{iom: {USER}}}", "topic a: retention"),
    "compacted": (f"topics: {{a: {TOPIC.replace('false', 'none')}}}\nusers: {{iom: {USER}}}", "topic a: compacted"),
    "timestamps": (f"topics: {{a: {TOPIC.replace('recorded', 'x')}}}\nusers: {{iom: {USER}}}", "topic a: timestamps"),
    "a typing error": (f"topics: {{a: {TOPIC.replace('part', 'pant')}}}\nusers: {{iom: {USER}}}", "topic a must have"),
    "an unknown topic": (f"topics: {{b: {TOPIC}}}\nusers: {{iom: {USER}}}", "user iom: reads .*, a"),
    "no list": (f"topics: {{a: {TOPIC}}}\nusers: {{iom: {USER.replace('[a]', 'a')}}}", "user iom: reads must"),
    "groups without a dot": (f"topics: {{a: {TOPIC}}}\nusers: {{iom: {USER.replace('iom.', 'iom')}}}", "with its dot"),
    "others' groups": (f"topics: {{a: {TOPIC}}}\nusers: {{iom: {USER.replace('iom.', 'aid.')}}}", "groups must be iom"),
    "a way out": (f"topics: {{a: {TOPIC}}}\nusers: {{iom: {USER.replace('iom,', '../x,')}}}", "inside the secrets"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_meant_is_said(tmp_path: Path, name: str) -> None:
    content, said = WRONG[name]
    (tmp_path / "provision.yaml").write_text(content)
    with pytest.raises(DeclarationInvalid, match=said):
        read_declared(tmp_path / "provision.yaml")
