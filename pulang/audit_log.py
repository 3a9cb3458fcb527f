"""`pulang audit verify`: whether the audit logs are what was written."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson

from pulang.client import OPERATOR, Client, reach
from pulang.complaint import Complaint
from pulang.services import SERVICES, must_be_a_service
from shared.settings import Settings, from_environment


def verify_audit(service: str | None, url: str | None, token: str | None, data: Path | None, *, as_json: bool) -> int:
    """A line for each finding; 1 where there is one, or where the heads could not be read. Raises Complaint.

    Of a running Pulang over HTTP; of a data folder on which none runs, its files.
    """
    if service is not None:
        must_be_a_service(service)
    asked = [service] if service else list(SERVICES)
    found = None if url or os.environ.get("PULANG_URL") else _of_the_files(from_environment(data), asked)
    if found is None:
        to = reach(url, token, data)
        with Client(to, to.tokens.bearer(OPERATOR, "auditor")) as client:
            found = [client.get(f"/{one}/operations/audit") for one in asked]
    if as_json:
        sys.stdout.buffer.write(orjson.dumps({"services": found}) + b"\n")
    else:
        for one in found:
            print("\n".join(lines_of(one)))
    wrong = [one["service"] for one in found if one["findings"]]
    if wrong:
        print(f"pulang: the audit log of {', '.join(wrong)} is not what was written: keep a copy", file=sys.stderr)
    return 1 if wrong or any(one["heads"] is None for one in found) else 0


def lines_of(judged: dict[str, Any]) -> list[str]:
    """What is to be said of one service."""
    service, lines = judged["service"], []
    for finding in judged["findings"]:
        lines.append(f"{service}: {_TOLD[finding['what']](finding)}")
    for restored in judged["restores"]:
        lines.append(
            f"{service}: {_numbers(restored)} went with a restore, which was entered at {restored['at']}: no finding"
        )
    if judged["heads"] is None:
        lines.append(f"{service}: the bus does not answer: a tail that was cut off would not show")
    else:
        stood = judged["heads"]
        at = f", last head of {stood['at']}" if "at" in stood else ""
        state = "findings above" if judged["findings"] else "whole"
        lines.append(f"{service}: {judged['rows']} rows, published up to {stood['number']}{at}: {state}")
    for what, waiting in (("sealed", judged["unsealed"]), ("published", judged["unpublished"])):
        if waiting["rows"]:
            lines.append(f"{service}: {waiting['rows']} rows not yet {what}, since {waiting['since']}")
    return lines


def _numbers(finding: dict[str, Any]) -> str:
    first, last = finding["number"], finding["until"]
    return f"number {first}" if first == last else f"numbers {first} to {last}"


def _heads(finding: dict[str, Any]) -> str:
    first, last = finding["number"], finding["until"]
    return f"head {first}" if first == last else f"heads {first} to {last}"


_TOLD = {
    "edited": lambda one: f"{_numbers(one)}: edited",
    "removed": lambda one: f"{_numbers(one)}: removed",
    "added": lambda one: f"{_numbers(one)}: added",
    "moved": lambda one: f"{_numbers(one)}: moved, it stands at {one['stands_at']}",
    "cut_off": lambda one: (
        f"tail cut off after {one['number'] - 1}: it went to {one['until']}, as published at {one['at']}"
    ),
    "rewritten": lambda one: (
        f"rewritten from {one['number']}: another chain was published at {one['at']}, up to {one['until']}"
    ),
    "head_twice": lambda one: f"{_heads(one)}: published twice with different hashes",
    "head_unknown": lambda one: f"{_heads(one)}: published, and no longer in the database",
    "head_missing": lambda one: f"{_heads(one)}: published once, and not on the bus any more",
    "head_apart": lambda one: f"{_heads(one)}: not behind the head before",
    "head_forged": lambda one: f"{_heads(one).replace('head', 'record')} of pulang.audit: not sealed by this service",
}


def _of_the_files(settings: Settings, services: Sequence[str]) -> list[dict[str, Any]] | None:
    """None where a Pulang runs on the folder, or where there is none."""
    from pulang.quiet import quiet_libraries
    from pulang.server import CannotStart
    from pulang.up import alone_on
    from shared.bus.protocol import BusUnavailable
    from shared.database.protocol import DatabaseUnavailable
    from shared.security.secret_files import SecretInvalid

    if not settings.bus.exists():
        return None
    quiet_libraries()
    with contextlib.ExitStack() as folder:
        try:
            folder.enter_context(alone_on(settings))
        except CannotStart:
            return None
        try:
            return asyncio.run(_judge(settings, services))
        except (BusUnavailable, DatabaseUnavailable, SecretInvalid) as broken:
            raise Complaint(f"{settings.data}: {broken}") from None


async def _judge(settings: Settings, services: Sequence[str]) -> list[dict[str, Any]]:
    from pulang.opened import embedded_bus, file_as_it_is
    from shared.auditing.heads import AUDIT_TOPIC
    from shared.auditing.judging import judge
    from shared.security.secrets import Secrets

    secrets = Secrets.load(settings.keys)
    async with AsyncExitStack() as opened:
        bus = await embedded_bus(opened, settings, [AUDIT_TOPIC])
        return [await judge(one, await file_as_it_is(opened, one, settings), bus, secrets) for one in services]
