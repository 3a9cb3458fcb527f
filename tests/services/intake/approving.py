"""What the stories about approvals have in common: one asks, another decides."""

from typing import Any

import httpx

from tests.services.intake.erasing import supervisor
from tests.world import Pulang

VICTIM: dict[str, Any] = {
    "decided_by": "Police",
    "methods_of_control": ["WithholdsDocuments"],
    "types_of_exploitation": ["ForcedLabour"],
    "occurred_at": "2026-11-05",
}
SECOND = "contoh-kepala"


async def propose(pulang: Pulang, case: str, **change: Any) -> str:
    """By the post's officer; the id of what waits."""
    asked = await pulang.officer().done(f"/intake/cases/{case}/identification", VICTIM | change)
    return str(asked["approval_id"])


async def ask_to_close(
    pulang: Pulang, case: str, outcome: str = "withdrawn", on: str = "2026-11-05", agency: str = "bp2mi", **more: Any
) -> dict[str, Any]:
    body = {"outcome": outcome, "occurred_at": on} | more
    return await supervisor(pulang, agency=agency).done(f"/intake/cases/{case}/closure", body)


async def approve(
    pulang: Pulang, approval: str, *open_work: dict[str, Any], agency: str = "bp2mi", name: str = SECOND
) -> httpx.Response:
    body = {"open_work": list(open_work)}
    return await supervisor(pulang, name, agency).post(f"/intake/approvals/{approval}/approval", body)


async def close_with_approval(
    pulang: Pulang, case: str, outcome: str = "withdrawn", on: str = "2026-11-05", agency: str = "bp2mi"
) -> None:
    """Whatever is open."""
    asked = await ask_to_close(pulang, case, outcome, on, agency)
    answer = await approve(pulang, asked["approval_id"], *asked["open_work"], agency=agency)
    assert answer.status_code == 201, answer.text
