"""One agency's topic, permissions and login, beside those that the file declares."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramMechanism,
    UserScramCredentialDeletion,
)

from pulang.complaint import Complaint
from pulang.provision.command import login_of
from pulang.provision.declared import DeclaredTopic, User
from pulang.provision.logins import apply_logins, logins_there
from pulang.provision.permissions import apply_permissions, permitted
from pulang.provision.topics import ANSWER_SECONDS, apply_topics, partitions_there
from pulang.quiet import quiet_libraries
from services.exchange.policy import agency_topic, topic_of_agency
from shared.bus.protocol import BusUnavailable
from shared.settings import KafkaSettings


def open_to(kafka: KafkaSettings, agency: str, password: str) -> Iterator[str]:
    """What is missing of its topic, what it may do, and its login; a line for each change. Raises Complaint."""
    with _administrator(kafka) as admin:
        declared = {agency_topic(agency): DeclaredTopic(topic_of_agency(agency), compacted=False)}
        there = partitions_there(admin, declared)
        if not there:
            yield from apply_topics(admin, declared, there)
        user = User(agency, Path(), frozenset(), frozenset(declared), f"{agency}.")
        yield from apply_permissions(admin, [user])
        yield from apply_logins(admin, kafka, {agency: password})


def close_to(kafka: KafkaSettings, agency: str) -> Iterator[str]:
    """Permissions first, which ends what it reads at once; then its login and its topic. Raises Complaint."""
    with _administrator(kafka) as admin:
        if agency in permitted(admin):
            everything = AclBindingFilter(
                ResourceType.ANY,
                None,  # type: ignore[arg-type]
                ResourcePatternType.ANY,
                f"User:{agency}",
                None,  # type: ignore[arg-type]
                AclOperation.ANY,
                AclPermissionType.ANY,
            )
            admin.delete_acls([everything])[everything].result(ANSWER_SECONDS)
            yield f"user {agency}: may do nothing any more"
        if agency in logins_there(admin):
            gone: list[Any] = [UserScramCredentialDeletion(agency, ScramMechanism.SCRAM_SHA_512)]
            admin.alter_user_scram_credentials(gone)[agency].result(ANSWER_SECONDS)
            yield f"user {agency}: removed"
        topic = agency_topic(agency)
        if topic in admin.list_topics(timeout=ANSWER_SECONDS).topics:
            admin.delete_topics([topic], operation_timeout=ANSWER_SECONDS)[topic].result(ANSWER_SECONDS)
            yield f"topic {topic}: deleted"


@contextmanager
def _administrator(kafka: KafkaSettings) -> Iterator[AdminClient]:
    quiet_libraries()
    try:
        yield AdminClient(login_of(kafka))
    except (BusUnavailable, ValueError) as refused:
        raise Complaint(str(refused)) from None
    except KafkaException as refused:
        raise Complaint(f"Kafka at {kafka.bootstrap} refuses {kafka.user or 'us'}: {refused.args[0].str()}") from None
    except TimeoutError:
        raise Complaint(f"Kafka at {kafka.bootstrap} did not answer within {ANSWER_SECONDS:g} s") from None
