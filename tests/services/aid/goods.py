"""What the stories about goods have in common."""

import uuid
from typing import Any

import orjson

from tests.world import Pulang, User

PINANG = "RPTC-TANJUNG-PINANG"
APUS = "RPTC-BAMBU-APUS"
KIT = "hygiene kit"
DAY = "2026-11-03"


def new_id() -> str:
    return str(uuid.uuid4())


def officer(pulang: Pulang, store: str | list[str] = PINANG, agency: str = "kemensos") -> User:
    """The aid officer of a store."""
    return pulang.user("aid_officer", agency, store)


async def donate(pulang: Pulang, quantity: int, store: str = PINANG, item: str = KIT) -> str:
    """Goods on the shelf; the donation's id."""
    donation = new_id()
    body = {"id": donation, "donor": "UN", "item": item, "quantity": quantity, "store": store, "occurred_at": DAY}
    await officer(pulang, store).done("/aid/donations", body)
    await officer(pulang, store).done(f"/aid/donations/{donation}/receipt", {"occurred_at": DAY})
    return donation


async def stock(pulang: Pulang, store: str = PINANG, item: str = KIT) -> int | None:
    """How many the store has; None where it never had any."""
    items = (await officer(pulang, store).get("/aid/stock", params={"store": store, "item": item})).json()["items"]
    return items[0]["quantity"] if items else None


def issue(cases: list[str], store: str = PINANG, **more: Any) -> dict[str, Any]:
    people = [{"case_id": case, "issue_id": new_id()} for case in cases]
    return {"store": store, "item": KIT, "occurred_at": DAY, "people": people} | more


async def people(pulang: Pulang, count: int) -> list[str]:
    """Registered people whom aid has heard of."""
    await pulang.open_post()
    cases = [await pulang.register() for _ in range(count)]
    await pulang.settled()
    return cases


def told(pulang: Pulang, service: str = "aid") -> list[tuple[str, str, dict[str, Any]]]:
    """What a service told, in order: type without its frame, subject, data."""
    rows = pulang.rows(service, "SELECT payload FROM events ORDER BY position")
    events = [orjson.loads(payload) for (payload,) in rows]
    return [(e["type"].removeprefix("pulang.").removesuffix(".v1"), e["subject"], e["data"]) for e in events]
