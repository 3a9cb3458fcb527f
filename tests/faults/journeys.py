"""The stories that a load is made of: a person's way home, and goods for the shelters."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import httpx

from tests.faults.history import Effect
from tests.faults.load import AGENCIES, ITEM, POST, SHELTERS, Desk

FIRST_DAY = date(2024, 1, 1)
ARRIVALS_A_DAY = 3
"""Check-ins between two dates: beds fill up, so that people compete for the last one."""
LEVELS = ("pseudonymous", "identified")


class Calendar:
    """The dates that officers write down; they run ahead with the work, not with the clock."""

    def __init__(self) -> None:
        self._arrivals = 0

    @property
    def today(self) -> date:
        return FIRST_DAY + timedelta(days=self._arrivals // ARRIVALS_A_DAY)

    def arrives(self) -> date:
        self._arrivals += 1
        return self.today


class Journey:
    """One person, from the registration to the closed case, as far as it goes."""

    def __init__(self, http: httpx.AsyncClient, desk: Desk, calendar: Calendar) -> None:
        self._http, self._desk, self._calendar = http, desk, calendar
        self._random = desk.random
        self.case = str(uuid.uuid4())
        self._sex = self._random.choice("MF")
        self._shelter = self._random.choice(SHELTERS)
        self._arrived = calendar.today

    async def go(self) -> None:
        """Ends where a step is refused or stays unknown: what would follow from it cannot be asked for."""
        if not await self._register():
            return
        await self._screen()
        if self._random.random() < 0.9:
            await self._consent({agency: self._random.choice(LEVELS) for agency in self._some_agencies()})
        if not await self._refer():
            return
        checked_in = await self._check_in()
        if checked_in is None:
            return
        stay, on = checked_in
        await self._issue()
        await self._session(on)
        if self._random.random() < 0.3:
            await self._change_of_mind()
        if await self._check_out(stay, on):
            await self._go_home(on)

    async def _register(self) -> Any:
        body = {
            "id": self.case,
            "name": "Nama Contoh",
            "sex": self._sex,
            "birth_date": "1990-05-17",
            "origin_regency": "35.07",
            "destination_country": "MY",
            "arrival_point": POST,
            "arrival_date": self._arrived.isoformat(),
            "register_anyway": True,
        }
        return await self._post("/intake/cases", self._officer, body, Effect("case.registered", self.case))

    async def _screen(self) -> Any:
        body = {
            "id": str(uuid.uuid4()),
            "trafficking_status": "PossibleVictimOfTrafficking",
            "care_layer": 2,
            "occurred_at": (moment := self._desk.moment()),
        }
        told = Effect("case.screened", self.case, moment)
        return await self._post(f"/intake/cases/{self.case}/screenings", self._officer, body, told)

    async def _consent(self, levels: dict[str, str]) -> Any:
        """At the post or, once the person has gone on, by the supervisor."""
        body = {
            "id": str(uuid.uuid4()),
            "decisions": [
                {"agency": agency, "level": level} | ({"status": "withdrawn"} if level == "none" else {})
                for agency, level in levels.items()
            ],
            "given_by": "person",
            "witness": "Saksi Contoh",
            "occurred_at": (moment := self._desk.moment()),
        }
        told = Effect("case.consent_changed", self.case, moment)
        return await self._post(f"/intake/cases/{self.case}/consents", self._officer, body, told, levels)

    async def _change_of_mind(self) -> None:
        agencies = self._some_agencies()
        await self._consent(dict.fromkeys(agencies, "none"))
        if self._random.random() < 0.5:
            await self._consent({agency: self._random.choice(LEVELS) for agency in agencies})

    async def _refer(self) -> bool:
        moment = self._desk.moment()
        asked = {"facility": self._shelter, "cases": [self.case], "occurred_at": moment}
        made = await self._post("/intake/referrals", self._officer, asked, Effect("referral.made", self.case, moment))
        if made is None:
            return False
        moment = self._desk.moment()
        referral = made["referrals"][0]["referral_id"]
        answer = {"facility": self._shelter, "referrals": [referral], "occurred_at": moment}
        told = Effect("referral.accepted", self.case, moment)
        return await self._post("/shelter/referrals/acceptance", self._staff, answer, told) is not None

    async def _check_in(self) -> tuple[str, date] | None:
        stay, on = str(uuid.uuid4()), self._calendar.arrives()
        room = {"M": "male", "F": "female"}[self._sex]
        person = {"case_id": self.case, "stay_id": stay, "room_type": room}
        body = {"facility": self._shelter, "on": on.isoformat(), "people": [person]}
        told = Effect("stay.checked_in", self.case, stay)
        done = await self._post("/shelter/stays/check-in", self._staff, body, told)
        return None if done is None else (stay, on)

    async def _issue(self) -> Any:
        issue = str(uuid.uuid4())
        person = {"case_id": self.case, "issue_id": issue, "quantity": self._random.randint(1, 3)}
        body = {"store": self._shelter, "item": ITEM, "people": [person], "occurred_at": self._desk.moment()}
        return await self._post("/aid/issues", self._aid, body, Effect("aid.issued", self.case, issue))

    async def _session(self, on: date) -> Any:
        session = str(uuid.uuid4())
        body = {"id": session, "case_id": self.case, "layer": 2, "kind": "individual", "on": on.isoformat()}
        told = Effect("psychosocial.session_recorded", self.case, session)
        return await self._post("/psychosocial/sessions", self._counsellor, {"sessions": [body]}, told)

    async def _check_out(self, stay: str, on: date) -> Any:
        leaves = max(on + timedelta(days=self._random.randint(1, 4)), self._calendar.today)
        body = {"facility": self._shelter, "on": leaves.isoformat(), "reason": "return_home"}
        told = Effect("stay.checked_out", self.case, stay)
        return await self._post("/shelter/stays/check-out", self._staff, body | {"people": [{"stay_id": stay}]}, told)

    async def _go_home(self, on: date) -> None:
        trip = str(uuid.uuid4())
        seat = {"case_id": self.case, "regency": "35.07"}
        plan = {"id": trip, "mode": "ship", "from_facility": self._shelter, "departs_on": on.isoformat()}
        steps: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ("planned", "/intake/trips", plan | {"people": [seat]}),
            ("departed", f"/intake/trips/{trip}/departure", {}),
            ("arrived", f"/intake/trips/{trip}/arrivals", {"cases": [self.case]}),
        )
        for fact, path, body in steps:
            told = Effect(f"return.{fact}", self.case, trip)
            if await self._post(path, self._staff, body | {"occurred_at": self._desk.moment()}, told) is None:
                return
        closing = {"outcome": "returned", "cases": [self.case], "occurred_at": (moment := self._desk.moment())}
        await self._post("/intake/closures", self._supervisor, closing, Effect("case.closed", self.case, moment))

    async def _post(
        self, path: str, token: Callable[[], str], body: dict[str, Any], told: Effect, levels: Any = None
    ) -> Any:
        operation = self._desk.history.begin(told.fact, [told], levels)
        return await self._desk.post(self._http, path, token, body, operation)

    def _some_agencies(self) -> list[str]:
        return self._random.sample(AGENCIES, self._random.randint(1, len(AGENCIES)))

    def _officer(self) -> str:
        return self._desk.token("bp2mi", "arrival_officer", [POST])

    def _staff(self) -> str:
        return self._desk.token("kemensos", "shelter_staff", [self._shelter])

    def _aid(self) -> str:
        return self._desk.token("kemensos", "aid_officer", [self._shelter])

    def _counsellor(self) -> str:
        return self._desk.token("kemensos", "counsellor", [self._shelter])

    def _supervisor(self) -> str:
        return self._desk.token("kemensos", "supervisor")


async def donate(http: httpx.AsyncClient, desk: Desk) -> None:
    """A few pieces for a shelter: never enough for everyone, so that people compete for the last one."""
    donation, shelter = str(uuid.uuid4()), desk.random.choice(SHELTERS)
    pledge = {
        "id": donation,
        "donor": "IOM",
        "donor_agency": "iom",
        "item": ITEM,
        "quantity": desk.random.randint(4, 12),
        "store": shelter,
        "occurred_at": desk.moment(),
    }
    for fact, path, body in (
        ("donation.pledged", "/aid/donations", pledge),
        ("donation.received", f"/aid/donations/{donation}/receipt", {"occurred_at": desk.moment()}),
    ):
        operation = desk.history.begin(fact, [Effect(fact, donation)])
        token = lambda: desk.token("kemensos", "aid_officer", [shelter])  # noqa: E731
        if await desk.post(http, path, token, body, operation) is None:
            return


async def work(desk: Desk, workers: int, pause_seconds: float = 0.0) -> None:
    """Journeys, one after the other by each worker, until `desk.stopping`; those that have begun are gone to the
    end. `pause_seconds` between two journeys of a worker."""
    calendar = Calendar()
    limits = httpx.Limits(max_connections=4 * workers)
    async with (
        httpx.AsyncClient(timeout=desk.patience.answer_seconds, limits=limits, trust_env=False) as http,
        asyncio.TaskGroup() as together,
    ):

        async def one() -> None:
            while not desk.stopping.is_set():
                if desk.random.random() < 0.3:
                    await donate(http, desk)
                await Journey(http, desk, calendar).go()
                await asyncio.sleep(pause_seconds)

        for _ in range(workers):
            together.create_task(one())
