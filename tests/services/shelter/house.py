"""A shelter under test, and people who come to it."""

import itertools
import uuid
from collections.abc import Iterable
from typing import Any

import orjson
from httpx import Response

from tests.world import Pulang, User

SHELTER = "RPTC-TANJUNG-PINANG"
ROOMS = [
    {"name": "M1", "type": "male", "beds": 2},
    {"name": "F1", "type": "female", "beds": 2},
    {"name": "K1", "type": "family", "beds": 2},
]


def new_id() -> str:
    return str(uuid.uuid4())


class House:
    """One shelter and its staff. Everyone arrived on 2020-01-01."""

    def __init__(self, pulang: Pulang, code: str = SHELTER) -> None:
        self.pulang = pulang
        self.code = code
        self.staff: User = pulang.staff(code)

    @classmethod
    async def opened(cls, pulang: Pulang, code: str = SHELTER, rooms: list[dict[str, Any]] | None = None) -> "House":
        await pulang.open_post()
        await pulang.open_shelter(code, rooms or ROOMS)
        return cls(pulang, code)

    async def arrivals(self, sexes: Iterable[str]) -> list[str]:
        """People who are registered at the post; nobody asked the shelter yet."""
        number = itertools.count(1)
        rows = [{"row_key": str(next(number)), "name": "Contoh Nama", "sex": sex} for sex in sexes]
        body = {"id": new_id(), "arrival_point": "TNJ", "arrival_date": "2020-01-01", "rows": rows}
        answer = await self.pulang.officer().done("/intake/manifests", body)
        return [row["case_id"] for row in answer["rows"]]

    async def referred(self, sexes: Iterable[str]) -> dict[str, str]:
        """People whom the shelter is asked to take in: referral by case."""
        cases = await self.arrivals(sexes)
        body = {"facility": self.code, "cases": cases, "occurred_at": "2020-01-01"}
        made = await self.pulang.officer().done("/intake/referrals", body)
        await self.pulang.settled()
        return {one["case_id"]: one["referral_id"] for one in made["referrals"]}

    async def guests(self, sexes: Iterable[str]) -> list[str]:
        """People whom the shelter accepted."""
        referrals = await self.referred(sexes)
        await self.staff.done("/shelter/referrals/acceptance", self.answer(referrals.values()))
        return list(referrals)

    def answer(self, referrals: Iterable[str]) -> dict[str, Any]:
        return {"facility": self.code, "referrals": list(referrals), "occurred_at": "2020-01-01"}

    async def check_in(self, on: str, *people: dict[str, Any]) -> Response:
        return await self.staff.post(
            "/shelter/stays/check-in", {"facility": self.code, "on": on, "people": list(people)}
        )

    async def check_out(self, on: str, *people: dict[str, Any], reason: str = "return_home") -> Response:
        body = {"facility": self.code, "on": on, "reason": reason, "people": list(people)}
        return await self.staff.post("/shelter/stays/check-out", body)

    async def plan(self, *people: dict[str, Any]) -> Response:
        return await self.staff.post("/shelter/stays/plan", {"facility": self.code, "people": list(people)})

    async def move(self, stay_id: str, on: str, **to: str) -> Response:
        return await self.staff.post(f"/shelter/stays/{stay_id}/move", {"on": on} | to)

    async def slept(self, case_id: str, room_type: str, first: str, until: str | None = None, **more: str) -> str:
        """A stay that was, or that is where it has no end; its id."""
        person: dict[str, Any] = {"case_id": case_id, "stay_id": new_id(), "room_type": room_type} | more
        if until is not None:
            person["departure"] = {"on": until, "reason": "left"}
        answer = await self.check_in(first, person)
        assert answer.status_code == 201, answer.text
        return str(person["stay_id"])

    async def stays(self, **wanted: str) -> list[dict[str, Any]]:
        answer = await self.staff.get("/shelter/stays", params=wanted)
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def stay(self, stay_id: str) -> dict[str, Any]:
        body: dict[str, Any] = (await self.staff.get(f"/shelter/stays/{stay_id}")).json()
        return body

    async def night(self, on: str) -> dict[str, Any]:
        answer = await self.staff.get("/shelter/occupancy", params={"facility": self.code, "on": on})
        (night,) = answer.json()["nights"]
        return dict(night)

    async def beds(self) -> dict[str, list[str]]:
        """Bed ids by room."""
        body = (await self.staff.get(f"/shelter/facilities/{self.code}")).json()
        return {room["name"]: room["bed_ids"] for room in body["rooms"]}


def told(pulang: Pulang, kind: str) -> list[dict[str, Any]]:
    """The events of a type that shelter recorded, oldest first, read from its own log."""
    events = [orjson.loads(row) for (row,) in pulang.rows("shelter", "SELECT payload FROM events ORDER BY position")]
    return [event for event in events if event["type"] == f"pulang.{kind}.v1"]


def wrong(answer: Response) -> tuple[int, str, list[str]]:
    """Status, kind of problem, and where."""
    body = answer.json()
    return answer.status_code, body["type"].removeprefix("/problems/"), [e["pointer"] for e in body.get("errors", [])]
