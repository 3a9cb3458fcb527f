"""Users and their passwords. Kafka keeps none that could be compared: whether one fits is tried by logging in."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from pulang.complaint import Complaint
from pulang.provision.declared import User
from pulang.provision.topics import ANSWER_SECONDS
from shared.bus.kafka import LoginRefused, log_in
from shared.settings import KafkaSettings

_ITERATIONS = 8192
_TICK_SECONDS = 0.05


def read_passwords(users: Iterable[User], secrets: Path) -> dict[str, str]:
    """By user. Raises Complaint for a file that is missing or empty."""
    found: dict[str, str] = {}
    for user in users:
        try:
            password = (secrets / user.password).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as broken:
            raise Complaint(
                f"the password of {user.name} cannot be read from {secrets / user.password} "
                f"({type(broken).__name__}): `pulang secrets {secrets}` makes what is missing"
            ) from None
        if not password:
            raise Complaint(f"the password of {user.name} in {secrets / user.password} is empty")
        found[user.name] = password
    return found


def logins_there(admin: AdminClient) -> set[str]:
    """The users who have a password, in the file or not."""
    described: Any = admin.describe_user_scram_credentials()
    return {
        name
        for name, known in described.result(ANSWER_SECONDS).items()
        if any(one.mechanism == ScramMechanism.SCRAM_SHA_512 for one in known.scram_credential_infos)
    }


def apply_logins(admin: AdminClient, kafka: KafkaSettings, passwords: Mapping[str, str]) -> Iterator[str]:
    """Makes logins that are missing and those whose password is another one by now; a line for each."""
    there = logins_there(admin)
    refused = asyncio.run(_refused(kafka, {name: passwords[name] for name in passwords if name in there}))
    changed = [name for name in passwords if name not in there or name in refused]
    if not changed:
        return
    written = admin.alter_user_scram_credentials([_login(name, passwords[name]) for name in changed])
    for name in changed:
        written[name].result(ANSWER_SECONDS)
        yield f"user {name}: {'password changed' if name in there else 'created'}"
    _await_all(kafka, {name: passwords[name] for name in changed})


def _login(name: str, password: str) -> UserScramCredentialUpsertion:
    return UserScramCredentialUpsertion(
        name, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS), password.encode()
    )


def _await_all(kafka: KafkaSettings, passwords: Mapping[str, str]) -> None:
    until = time.monotonic() + ANSWER_SECONDS
    while refused := asyncio.run(_refused(kafka, passwords)):
        if time.monotonic() > until:
            raise Complaint(f"Kafka took the passwords and still refuses {', '.join(sorted(refused))}")
        time.sleep(_TICK_SECONDS)


async def _refused(kafka: KafkaSettings, passwords: Mapping[str, str]) -> set[str]:
    """Who cannot log in. Raises BusUnavailable."""

    async def refuses(name: str, password: str) -> bool:
        try:
            await log_in(replace(kafka, user=name, password=password))
        except LoginRefused:
            return True
        return False

    names = list(passwords)
    answers = await asyncio.gather(*(refuses(name, passwords[name]) for name in names))
    return {name for name, answer in zip(names, answers, strict=True) if answer}
