"""What the stories about care have in common."""

import uuid
from typing import Any

from tests.world import Pulang, User

PINANG = "RPTC-TANJUNG-PINANG"
APUS = "RPTC-BAMBU-APUS"
DAY = "2026-11-03"
NOTE = "Catatan rahasia tentang mimpi buruk"


def new_id() -> str:
    return str(uuid.uuid4())


def counsellor(pulang: Pulang, facility: str = PINANG, name: str = "contoh-konselor", agency: str = "kemensos") -> User:
    return pulang.user("counsellor", agency, facility, subject=name)


async def open_houses(pulang: Pulang, *shelters: str) -> None:
    """A post where people arrive, and shelters."""
    await pulang.open_post()
    for shelter in shelters or (PINANG,):
        await pulang.open_shelter(shelter)


async def screen(pulang: Pulang, case: str, layer: int | None, day: str = DAY) -> None:
    body: dict[str, Any] = {"trafficking_status": "NotAVictimOfTrafficking", "occurred_at": day}
    if layer is not None:
        body["care_layer"] = layer
    await pulang.officer().done(f"/intake/cases/{case}/screenings", body)


async def check_in(pulang: Pulang, case: str, shelter: str = PINANG, day: str = DAY) -> None:
    """Referred, accepted, and in a bed."""
    asked = await pulang.officer().done("/intake/referrals", {"facility": shelter, "cases": [case], "occurred_at": day})
    await pulang.settled()
    referral = asked["referrals"][0]["referral_id"]
    acceptance = {"facility": shelter, "referrals": [referral], "occurred_at": day}
    await pulang.staff(shelter).done("/shelter/referrals/acceptance", acceptance)
    people = [{"case_id": case, "room_type": "female"}]
    await pulang.staff(shelter).done("/shelter/stays/check-in", {"facility": shelter, "on": day, "people": people})
    await pulang.settled()


async def check_out(pulang: Pulang, case: str, day: str, shelter: str = PINANG) -> None:
    body = {"facility": shelter, "on": day, "reason": "return_home", "people": [{"case_id": case}]}
    await pulang.staff(shelter).done("/shelter/stays/check-out", body)
    await pulang.settled()


async def in_care(pulang: Pulang, layer: int = 3, shelter: str = PINANG) -> str:
    """A person who was screened and sleeps in the shelter; the case id."""
    case = await pulang.register()
    await screen(pulang, case, layer)
    await check_in(pulang, case, shelter)
    return case


async def worklist(user: User, **params: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await user.get("/psychosocial/worklist", params=params)).json()["items"]
    return items


def session(case: str, **more: Any) -> dict[str, Any]:
    return {"id": new_id(), "case_id": case, "layer": 3, "kind": "individual", "on": "2026-11-05"} | more
