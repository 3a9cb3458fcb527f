"""`pulang provision`: what the file declares, applied to the cluster, as often as one likes."""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pulang.complaint import Complaint
from pulang.provision.declared import DeclarationInvalid, Declared, read_declared
from pulang.provision.logins import apply_logins, logins_there, read_passwords
from pulang.provision.permissions import apply_permissions, permitted
from pulang.provision.topics import ANSWER_SECONDS, apply_topics, partitions_there
from pulang.quiet import quiet_libraries
from shared.bus.kafka import LoginRefused, log_in
from shared.bus.protocol import BusUnavailable
from shared.settings import Environment, KafkaSettings, SettingInvalid, kafka_from

_TICK_SECONDS = 0.25


def provision(file: Path, secrets: Path, wait_seconds: float) -> None:
    """Print what was changed, a line each, or that nothing was to change; on standard error, whom the file knows not.

    `wait_seconds`: for how long a cluster is awaited that does not answer yet. The administrator's login comes from
    the environment. Raises Complaint; what was printed before it has been done.
    """
    quiet_libraries()
    try:
        declared = read_declared(file)
        kafka = kafka_from(Environment())
    except DeclarationInvalid as invalid:
        raise Complaint(f"{file}: {invalid}") from None
    except SettingInvalid as invalid:
        raise Complaint(str(invalid)) from None
    passwords = read_passwords(declared.users.values(), secrets)
    changed = False
    try:
        _await_answer(kafka, wait_seconds)
        admin = AdminClient(login_of(kafka))
        for line in _apply(admin, kafka, declared, passwords):
            changed = True
            print(line, flush=True)
        strangers = sorted((logins_there(admin) | permitted(admin)) - declared.users.keys() - {kafka.user})
    except (BusUnavailable, ValueError) as refused:
        raise Complaint(str(refused)) from None
    except KafkaException as refused:
        raise Complaint(f"Kafka at {kafka.bootstrap} refuses {kafka.user or 'us'}: {refused.args[0].str()}") from None
    except TimeoutError:
        raise Complaint(f"Kafka at {kafka.bootstrap} did not answer within {ANSWER_SECONDS:g} s") from None
    if not changed:
        print("nothing to change")
    for name in strangers:
        print(f"pulang: user {name} is not in {file.name}: its login and permissions stay", file=sys.stderr)


def _apply(admin: AdminClient, kafka: KafkaSettings, declared: Declared, passwords: dict[str, str]) -> Iterator[str]:
    there = partitions_there(admin, declared.topics)
    yield from apply_topics(admin, declared.topics, there)
    # Permissions first: nobody comes in before it is said what they may not.
    yield from apply_permissions(admin, list(declared.users.values()))
    yield from apply_logins(admin, kafka, passwords)


def _await_answer(kafka: KafkaSettings, seconds: float) -> None:
    """Raises BusUnavailable, and at once where it was refused: time does not help there."""
    until = time.monotonic() + seconds
    while True:
        try:
            return asyncio.run(log_in(kafka))
        except LoginRefused:
            raise
        except BusUnavailable:
            if time.monotonic() >= until:
                raise
        time.sleep(_TICK_SECONDS)


def login_of(kafka: KafkaSettings) -> dict[str, str | int | float | bool]:
    """librdkafka's words for it; it is not to write to standard error by itself."""
    login: dict[str, str | int | float | bool] = {"bootstrap.servers": kafka.bootstrap, "log_level": 0}
    way = "PLAINTEXT" if kafka.ca is None else "SSL"
    if kafka.ca is not None:
        login["ssl.ca.location"] = str(kafka.ca)
    if kafka.user is not None:
        login |= {
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": kafka.user,
            "sasl.password": kafka.password or "",
        }
    return login | {"security.protocol": way if kafka.user is None else f"SASL_{way}"}
