"""Everybody's whole way through every service, with a mark in every text that is asked for on the way."""

import asyncio
from collections.abc import Collection
from typing import Any

import httpx

from tests.access.matrix import ROWS
from tests.access.matrix.row import Ask, ask
from tests.access.prepared import DAY, LATER, Prepared, Side, new_id
from tests.canary.asking import Remote, refusals, send, strangers
from tests.canary.marks import BORN, PUBLIC_PLACES
from tests.canary.planting import Sower, kind_of
from tests.world import User

AGENCIES = ("kemensos", "bp2mi", "iom")
POST, SHELTER = PUBLIC_PLACES


class Walk:
    """One run over a Pulang. Its parts are called in their order."""

    def __init__(self, remote: Remote, sower: Sower, webhook_url: str) -> None:
        self.remote, self.sower = remote, sower
        self.prepared = Prepared(remote)
        self.own: Side = self.prepared.own
        self._webhook_url = webhook_url
        self.cases: list[str] = []
        """Of those who went the whole way."""
        self.erased = ""

    @property
    def everyone(self) -> User:
        return self.remote.everyone(self.prepared)

    async def moved(self, remote: Remote) -> None:
        """It was started anew, elsewhere."""
        await self.remote.client.aclose()
        remote.answers = self.remote.answers
        self.remote = self.prepared.pulang = remote

    async def open(self) -> None:
        """Three places with people; what is public is marked, too; each agency hears by a webhook."""
        await self.prepared.live()
        for agency in AGENCIES:
            hook = self.remote.user("integrator", agency)
            await hook.done("/exchange/webhooks", {"url": f"{self._webhook_url}/{agency}", "history": True})
        place = {"name": "X", "agency": "kemensos", "regency": "21.72", "time_zone": "Asia/Jakarta"}
        rooms = [{"name": "X", "type": "female", "beds": 20}]
        for route, request in (
            ("PUT /intake/arrival-points/{code}", ask(place, code=POST)),
            ("PUT /shelter/facilities/{code}", ask(place | {"rooms": rooms}, code=SHELTER)),
            ("PUT /exchange/agencies/{agency}", ask({"name": "X", "kind": "social_office"}, agency="umum")),
        ):
            await self.sow(route, request, public=True)
        await self.remote.settled()
        donation = {"id": new_id(), "donor": "X", "item": "X", "contents": ["X"], "quantity": 5, "store": SHELTER}
        await self.sow("POST /aid/donations", ask(donation | {"occurred_at": DAY}), public=True)

    async def sow(self, route: str, request: Ask, user: User | None = None, *, public: bool = False) -> Any:
        """Send it with marks; what was answered."""
        sent, places = self.sower.planted(route, request, public=public)
        answer = await send(user or self.everyone, route, sent)
        assert answer.status_code in (200, 201, 202), f"{route}: {answer.status_code} {answer.text}"
        self.sower.taken.update(places)
        return answer.json()

    async def journeys(self) -> None:
        """Three people arrive: by themselves, and on a manifest. One is erased at the end, the others go home."""
        person = {"sex": "F", "origin_regency": "35.07", "destination_country": "MY", "register_anyway": True}
        arrival = {"arrival_point": self.own.post, "arrival_date": DAY}
        for _ in range(2):
            request = ask(person | arrival | {"id": new_id()})
            self.cases.append((await self.sow("POST /intake/cases", request))["case_id"])
        rows = [person | {"row_key": str(number)} for number in range(3)]
        listed = await self.sow("POST /intake/manifests", ask(arrival | {"id": new_id(), "rows": rows}))
        self.cases.append(listed["rows"][0]["case_id"])
        await self._rows_under_their_persons_numbers(arrival)
        await self._take_in()
        await self._care()
        *leaving, self.erased = self.cases
        await self._leave(leaving)
        await self.remote.settled()

    async def _rows_under_their_persons_numbers(self, arrival: dict[str, Any]) -> None:
        """As from an office whose lists have no other key."""
        marks, origin = self.sower.marks, "POST /intake/manifests body rows/-/row_key"
        nik, document, name, phone = (one(origin) for one in (marks.nik, marks.document, marks.text, marks.phone))
        person = {"name": name, "sex": "M", "nik": nik, "document": {"type": "SPLP", "number": document}}
        person |= {"phone": phone, "birth_date": BORN}
        told = [nik, document, name, "0" + phone[3:], BORN, "03.02.1911", "x030211"]
        keys = [form.format(one) for one in told for form in ("{}", "1-{}", "SPLP-{}", "{}.a", "baris:{}:7")]
        rows = [person | {"row_key": key} for key in keys]
        rows += [{"name": f"{name}\x00", "sex": "M", "row_key": f"{name}-2"}, {"Nama": name, "row_key": f"{name}-3"}]
        rows += [person | {"row_key": str(at), marks.word(f"{origin}, a name of a field"): 1} for at in range(3)]
        body = {**arrival, "id": new_id(), "rows": rows}
        assert (await self.everyone.done("/intake/manifests", body))["unreadable"] == len(rows)

    async def _take_in(self) -> None:
        for case in self.cases:
            await self.sow("PUT /intake/cases/{case_id}/identity", ask({"name": "X"}, match=True, case_id=case))
            finding = {"trafficking_status": "ActualVictimOfTrafficking", "pregnant": True, "disability": False}
            finding |= {"gender_based_violence": True, "needs": ["isolation"], "care_layer": 3, "occurred_at": DAY}
            await self.sow("POST /intake/cases/{case_id}/screenings", ask(finding, case_id=case))
            decisions = [{"agency": agency, "level": "identified"} for agency in AGENCIES]
            consent = {"decisions": decisions, "given_by": "guardian", "occurred_at": DAY}
            await self.sow("POST /intake/cases/{case_id}/consents", ask(consent, case_id=case))
        asked = {"facility": self.own.shelter, "cases": self.cases, "occurred_at": DAY}
        made = await self.sow("POST /intake/referrals", ask(asked))
        await self.remote.settled()
        referrals = [one["referral_id"] for one in made["referrals"]]
        accepted = {"facility": self.own.shelter, "referrals": referrals, "occurred_at": DAY}
        await self.sow("POST /shelter/referrals/acceptance", ask(accepted))
        people = [{"stay_id": new_id(), "case_id": case, "room_type": "female"} for case in self.cases]
        await self.sow("POST /shelter/stays/check-in", ask({"facility": self.own.shelter, "on": DAY, "people": people}))
        await self.remote.settled()

    async def _care(self) -> None:
        people = [{"case_id": case, "issue_id": new_id()} for case in self.cases]
        kit = {"store": self.own.shelter, "item": "hygiene kit", "occurred_at": DAY, "people": people}
        await self.sow("POST /aid/issues", ask(kit))
        sessions = [{"id": new_id(), "case_id": c, "layer": 3, "kind": "individual", "on": DAY} for c in self.cases]
        await self.sow("POST /psychosocial/sessions", ask({"sessions": sessions}))
        for case in self.cases:
            holds = "/intake/cases/{case_id}/legal-holds"
            hold = await self.sow(f"POST {holds}", ask({"reason": "prosecution"}, case_id=case))
            lifting = ask({"reason": "proceedings_ended"}, case_id=case, hold_id=hold["hold_id"])
            await self.sow(f"POST {holds}/{{hold_id}}/lifting", lifting)

    async def _leave(self, cases: list[str]) -> None:
        trip, people = new_id(), [{"case_id": case, "regency": "35.07"} for case in cases]
        journey = {"id": trip, "mode": "ship", "from_facility": self.own.shelter, "departs_on": LATER, "people": people}
        await self.sow("POST /intake/trips", ask(journey))
        await self.sow("POST /intake/trips/{trip_id}/departure", ask({"occurred_at": LATER}, trip_id=trip))
        out = {"facility": self.own.shelter, "on": LATER, "reason": "return_home"}
        out["people"] = [{"case_id": case} for case in cases]  # type: ignore[assignment]
        await self.sow("POST /shelter/stays/check-out", ask(out))
        arrived = {"cases": cases, "occurred_at": LATER}
        await self.sow("POST /intake/trips/{trip_id}/arrivals", ask(arrived, trip_id=trip))
        await self.remote.settled()
        closing = {"outcome": "returned", "cases": cases, "occurred_at": LATER}
        await self.sow("POST /intake/closures", ask(closing))
        await self.sow("POST /intake/cases/{case_id}/reopening", ask({"occurred_at": LATER}, case_id=cases[0]))
        decisions = [{"agency": "iom", "status": "withdrawn", "level": "none"}]
        withdrawal = {"decisions": decisions, "given_by": "guardian", "occurred_at": LATER}
        await self.sow("POST /intake/cases/{case_id}/consents", ask(withdrawal, case_id=cases[1]))

    async def sow_everywhere(self) -> None:
        """Every route that changes something, with the matrix' good request for it."""
        self.own.spending = True
        for route, row in ROWS.items():
            if route.startswith("GET"):
                continue
            sent, places = self.sower.planted(route, row.ask(self.own))
            answer = await send(self.everyone, route, sent)
            assert answer.status_code in row.good, f"{route}: {answer.status_code} {answer.text}"
            if answer.is_success:
                self.sower.taken.update(places)
        self.own.spending = False
        await self.remote.settled()

    async def be_refused(self, only: Collection[str] = ROWS.keys()) -> None:
        """Every route, in every way that a request can be wrong."""
        for route, row in ROWS.items():
            if row.endless or route not in only:
                continue
            good = row.ask(self.own)
            for _, wrong in refusals(self.sower, route, good):
                request = Ask(
                    wrong.pop("path", good.path),
                    wrong.pop("query", good.query),
                    wrong.pop("body", good.body),
                    good.headers,
                )
                await send(self.everyone, route, request, **wrong)
        await strangers(self.remote, self.sower)

    async def erase(self) -> None:
        """The last of those who came, by two people; everybody is told."""
        head = self.remote.user("supervisor", "kemensos", self.own.places, subject="head@kemensos")
        await self.sow(
            "POST /intake/cases/{case_id}/erasure",
            ask({"reason": "requested", "asked_by": "person"}, case_id=self.erased),
            head,
        )
        await self.sow("POST /intake/cases/{case_id}/erasure/approval", ask(case_id=self.erased))
        await self.remote.settled()

    async def look(self) -> dict[str, bytes]:
        """Everything that can be read over HTTP, as everybody who may and as some who may not; the streams by name."""
        for route, row in ROWS.items():
            if route.startswith("GET") and not row.endless:
                await send(self.everyone, route, row.ask(self.own))
                await send(self.remote.user("reader", "iom"), route, row.ask(self.own))
        for case in self.cases:
            for user in (self.everyone, self.remote.user("arrival_officer", "bp2mi", "ENT"), self.remote.reader("iom")):
                await user.get(f"/intake/cases/{case}")
                for purpose in ("handover", "legal"):
                    await user.get(f"/intake/cases/{case}/identity", params={"purpose": purpose})
                await user.get(f"/intake/cases/{case}/access-record", params={"purpose": "person_request"})
                await user.get(f"/exchange/cases/{case}/timeline")
        streams = {}
        for agency in (*AGENCIES, "umum"):
            reader = self.remote.reader(agency)
            page = (await reader.get("/exchange/feed?limit=1000")).json()
            while page["events"]:
                page = (await reader.get("/exchange/feed", params={"limit": 1000, "after": page["next"]})).json()
            if self.remote.transport is None:  # which hands over whole answers alone
                streams[f"stream of {agency}"] = await self._stream(reader, seconds=0.5)
        for path in ("/metrics", "/readyz"):
            await self.remote.client.get(path)
        return streams

    async def _stream(self, reader: User, seconds: float) -> bytes:
        """What comes until nothing comes for so long."""
        heard = b""
        async with self.remote.client.stream("GET", "/exchange/stream", headers=reader._headers) as answer:
            parts = answer.aiter_raw()
            while True:
                try:
                    heard += await asyncio.wait_for(anext(parts), seconds)
                except (TimeoutError, StopAsyncIteration, httpx.HTTPError):
                    return heard

    def not_taken(self) -> list[str]:
        """Private texts, and keys of requests, whose mark was never let in: they would not be looked for in earnest."""
        wanted = {
            place
            for route in ROWS
            for place in self.sower.places(route)
            if kind_of(place) in ("text", "birth") and (place.where == "body" or place.name == "Idempotency-Key")
        }
        nothing_to_do = {route for route, row in ROWS.items() if row.good == (404,)}
        return sorted(str(place) for place in wanted - self.sower.taken if place.route not in nothing_to_do)
