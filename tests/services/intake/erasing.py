"""What the stories about erasure have in common."""

import asyncio
from typing import Any

import httpx

from tests.services.intake.story import rows_of
from tests.world import Pulang, User

ASKED = {"reason": "withdrawn", "asked_by": "person"}
GONE_WITHIN_SECONDS = 30.0


def supervisor(pulang: Pulang, name: str = "contoh-supervisor", agency: str = "bp2mi") -> User:
    return pulang.user("supervisor", agency, subject=name)


def head(pulang: Pulang) -> User:
    """A second person."""
    return supervisor(pulang, "contoh-kepala")


async def ask(pulang: Pulang, case: str, **more: str) -> httpx.Response:
    return await supervisor(pulang).post(f"/intake/cases/{case}/erasure", ASKED | more)


async def approve(pulang: Pulang, case: str) -> httpx.Response:
    return await head(pulang).post(f"/intake/cases/{case}/erasure/approval")


async def erased(pulang: Pulang, *cases: str) -> None:
    """Asked for, approved, and heard by everybody; the keys are gone."""
    for case in cases:
        for answer in (await ask(pulang, case), await approve(pulang, case)):
            assert answer.status_code == 201, answer.text
    await pulang.settled()
    for service in ("intake", "psychosocial"):
        await keys_gone(pulang, service)


async def keys_gone(pulang: Pulang, service: str = "intake") -> None:
    """Until no doomed key of the service is left in any file."""
    async with asyncio.timeout(GONE_WITHIN_SECONDS):
        while pulang.rows(service, "SELECT 1 FROM doomed_keys WHERE state <> 'gone'"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def left_of(pulang: Pulang, case: str) -> dict[str, int]:
    """How many rows of each table with something personal in it name the case."""
    tables = ("identities", "blind_tokens", "screenings", "consent_records")
    counted: dict[str, Any] = {
        table: rows_of(pulang, f"SELECT count(*) FROM {table} WHERE case_id = ?", case)[0][0] for table in tables
    }
    counted["manifest_rows"] = rows_of(pulang, "SELECT count(*) FROM manifest_rows WHERE known_case = ?", case)[0][0]
    return counted
