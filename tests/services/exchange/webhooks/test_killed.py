"""A Pulang that is killed in the middle of its deliveries, as its operators start it: settings from the environment,
the system's resolver, TLS with an authority of one's own."""

import asyncio
import uuid
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web

from shared.security.tokens import DevelopmentIssuer
from shared.settings import Settings
from tests.real.certificates import Authority
from tests.services.exchange.webhooks.receiving import Heard, Receiver, receiving
from tests.system.command import Up

CASES = 30
PERSON = {
    "name": "Contoh Nama",
    "sex": "F",
    "birth_date": "1990-05-17",
    "origin_regency": "35.07",
    "destination_country": "MY",
    "arrival_point": "TNJ",
    "arrival_date": "2026-11-03",
    "register_anyway": True,
}
POST = {"name": "Pos TNJ", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}


class Api:
    def __init__(self, data: Path, url: str) -> None:
        self._issuer = DevelopmentIssuer(Settings(data).keys)
        self._http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=60)

    async def ask(self, method: str, path: str, role: str, agency: str, json: Any = None, place: str = "TNJ") -> Any:
        token = self._issuer.issue(agency, role, place)
        answer = await self._http.request(method, path, json=json, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def arrive(self) -> None:
        """A person whose case IOM may follow, screened twice."""
        case = (await self.ask("POST", "/intake/cases", "arrival_officer", "bp2mi", PERSON))["case_id"]
        moment = datetime.now(UTC).isoformat()
        consent = {
            "id": str(uuid.uuid4()),
            "decisions": [{"agency": "iom", "level": "pseudonymous"}],
            "given_by": "person",
            "witness": "Saksi Contoh",
            "occurred_at": moment,
        }
        await self.ask("POST", f"/intake/cases/{case}/consents", "arrival_officer", "bp2mi", consent)
        for layer in (1, 2):
            screening = {
                "id": str(uuid.uuid4()),
                "trafficking_status": "PossibleVictimOfTrafficking",
                "care_layer": layer,
                "occurred_at": moment,
            }
            await self.ask("POST", f"/intake/cases/{case}/screenings", "arrival_officer", "bp2mi", screening)

    async def close(self) -> None:
        await self._http.aclose()


async def slowly(heard: Heard) -> web.Response:
    await asyncio.sleep(0.05)
    return web.Response(status=200)


async def test_nothing_is_lost_or_out_of_order_where_the_sender_is_killed(tmp_path: Path) -> None:
    authority, data = Authority(), tmp_path / "data"
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority.pem)
    variables = {"PULANG_WEBHOOK_ALLOW": "127.0.0.0/8, ::1/128", "PULANG_WEBHOOK_CA": str(ca)}
    async with receiving(authority, "localhost") as receiver:
        receiver.answer = slowly
        up = await asyncio.to_thread(lambda: Up(data, **variables).ready())
        try:
            api = Api(data, up.url)
            hook = {"url": receiver.url(host="localhost"), "history": True}
            await api.ask("PUT", "/intake/arrival-points/TNJ", "administrator", "kemensos", POST)
            await api.ask("POST", "/exchange/webhooks", "integrator", "iom", hook)
            for _ in range(2):
                so_far = len(receiver.accepted)
                await asyncio.gather(*(api.arrive() for _ in range(CASES // 3)))
                await receiver.until(lambda one, so_far=so_far: len(one.accepted) > so_far + 10)
                await api.close()
                await asyncio.to_thread(up.kill)
                up = await asyncio.to_thread(lambda: Up(data, **variables).ready())
                api = Api(data, up.url)
            await asyncio.gather(*(api.arrive() for _ in range(CASES // 3)))
            await receiver.until_accepted(CASES * 4 + 1)
            wanted = defaultdict(list)
            feed = await api.ask("GET", "/exchange/feed?limit=1000", "integrator", "iom")
            for event in feed["events"]:
                wanted[event["subject"]].append(event["id"])
            assert receiver.by_subject() == wanted
            assert messages_and_events_are_one_to_one(receiver)
            await api.close()
        finally:
            await asyncio.to_thread(up.end)
    log = (tmp_path / "up.log").read_text()
    assert '"networks":["127.0.0.0/8","::1/128"]' in log
    assert "/hook" not in log


def messages_and_events_are_one_to_one(receiver: Receiver) -> bool:
    """Whatever came twice came under the same `webhook-id`."""
    pairs = {(heard.id, (heard.event["id"], heard.event.get("grant"))) for heard in receiver.accepted}
    return len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
