"""Officers at work through HTTP while things break, each request noted with what came of it."""

import asyncio
import itertools
import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx

from tests.faults.history import History, Operation, Outcome

POST, ITEM = "TNJ", "hygiene kit"
SHELTERS = ("RPTC-TANJUNG-PINANG", "RPTC-BAMBU-APUS")
AGENCIES = ("kemensos", "bp2mi", "iom")
ROOMS = [{"name": "M1", "type": "male", "beds": 5}, {"name": "F1", "type": "female", "beds": 5}]
PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0
GIVEN_UP = 0.03
"""Share of the tries without an answer that are not repeated: their outcome stays unknown."""
_IN_FLIGHT = "request-in-flight"


class TokenOf(Protocol):
    """A bearer token for a role of an agency at some facilities; may renew what it gave before."""

    def __call__(self, agency: str, role: str, facilities: Sequence[str] = ()) -> str: ...


@dataclass(slots=True)
class Patience:
    """How long a worker stays with one request."""

    answer_seconds: float = 4.0
    in_all_seconds: float = 40.0


@dataclass(slots=True)
class Desk:
    """What all workers share. `where`: the base address for a service, asked for anew at each try, so that tries of
    one request may reach different replicas."""

    where: Callable[[str], str]
    token: TokenOf
    history: History
    random: random.Random
    patience: Patience = field(default_factory=Patience)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    faults: dict[str, int] = field(default_factory=dict)
    """Answers that never may come: a 500, a 401."""
    _moments: Any = field(default_factory=lambda: itertools.count(1))

    def moment(self) -> str:
        """Now, as no other operation has it: it is the mark of what has no id."""
        now = datetime.now(UTC).replace(microsecond=next(self._moments) % 1_000_000)
        return now.isoformat(timespec="microseconds")[:-6] + "Z"

    async def post(
        self,
        http: httpx.AsyncClient,
        path: str,
        token: Callable[[], str],
        body: Mapping[str, Any],
        operation: Operation,
    ) -> Any:
        """Until there is an answer or patience ends; the answer's JSON where it was acknowledged, else None."""
        key, until, pause, unknown = str(uuid.uuid4()), time.monotonic() + self.patience.in_all_seconds, 0.0, False
        while True:
            operation.tries += 1
            try:
                answer = await http.post(
                    self.where(path.split("/")[1]) + path,
                    json=body,
                    headers={"Authorization": f"Bearer {token()}", "Idempotency-Key": key},
                )
            except (httpx.ConnectError, httpx.ConnectTimeout):  # it never left
                operation.status, later = 0, True
            except httpx.HTTPError:
                operation.status, unknown, later = 0, True, True
            else:
                operation.status = answer.status_code
                if answer.is_success:
                    operation.outcome = Outcome.ACKNOWLEDGED
                    return answer.json()
                unknown = unknown or answer.status_code >= 500
                later = answer.status_code >= 500 or _comes_later(answer)
                if answer.status_code in (401, 403, 500):
                    name = f"{answer.status_code} {operation.name}"
                    self.faults[name] = self.faults.get(name, 0) + 1
            operation.outcome = Outcome.UNKNOWN if unknown else Outcome.REFUSED
            if not later or time.monotonic() > until or (operation.status == 0 and self.random.random() < GIVEN_UP):
                return None
            pause = min(max(2 * pause, PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)


def _comes_later(answer: httpx.Response) -> bool:
    """News on its way between services, or our own earlier request still at work."""
    if answer.status_code not in (404, 409):
        return False
    return "retry-after" in answer.headers or _IN_FLIGHT in answer.text


async def open_places(http: httpx.AsyncClient, desk: Desk) -> None:
    """Before any fault: the post, the shelters, and until every service has heard of them. Raises httpx.HTTPError."""

    def head() -> dict[str, str]:
        return {"Authorization": f"Bearer {desk.token('pulang', 'administrator')}"}

    common = {"regency": "21.72", "time_zone": "Asia/Jakarta"}
    post = {"name": "Pos contoh", "agency": "bp2mi", **common}
    places = [("intake", f"/intake/arrival-points/{POST}", post)]
    for shelter in SHELTERS:
        body = {"name": "Shelter contoh", "agency": "kemensos", "rooms": ROOMS, **common}
        places.append(("shelter", f"/shelter/facilities/{shelter}", body))
    for service, path, body in places:
        (await http.put(desk.where(service) + path, json=body, headers=head())).raise_for_status()
    async with asyncio.timeout(60):
        for service, path in (("intake", "/intake/places"), ("aid", "/aid/stores")):
            while True:
                known = await http.get(desk.where(service) + path, headers=head())
                if known.is_success and {one["code"] for one in known.json()["items"]} >= set(SHELTERS):
                    break
                await asyncio.sleep(PAUSE_SECONDS)
