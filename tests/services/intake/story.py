"""What the stories of intake need: a shelter's voice on the bus, and a look at what intake told and kept."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import httpx
from fastapi import FastAPI

from shared.bus.protocol import Record
from shared.events.envelope import Event
from shared.events.facilities import FacilityOpened
from shared.events.fact import Fact
from shared.events.shelter import ReferralAccepted, StayCheckedIn, StayCheckedOut
from shared.outbox.record import event_id
from shared.service import Service
from tests.world import Pulang

SHELTER = "RPTC-TANJUNG-PINANG"
WHEN = "2026-11-03T05:00:00.000000Z"


def intake_of(pulang: Pulang) -> Service:
    """The running service itself, for its bus and its clock."""
    app = cast(FastAPI, cast(httpx.ASGITransport, pulang.client._transport).app)
    return cast(Service, app.state.services["intake"])


class ShelterVoice:
    """The service shelter, as far as intake hears it."""

    def __init__(self, pulang: Pulang) -> None:
        self._pulang = pulang
        self._versions: Counter[str] = Counter()

    def event(self, subject: str, fact: Fact, version: int | None = None) -> Event:
        """The next event of that stream."""
        self._versions[subject] += 1
        return Event(
            id=event_id(),
            source="/pulang/shelter",
            type=fact.TYPE,
            subject=subject,
            time=WHEN,
            recordedtime=WHEN,
            streamversion=version or self._versions[subject],
            data=json.loads(fact.model_dump_json(exclude_none=True)),
        )

    async def publish(self, events: Sequence[Event]) -> None:
        """As the relay of shelter does; returns when intake has taken it in."""
        topic = {FacilityOpened.TYPE: FacilityOpened.TOPIC}
        await intake_of(self._pulang).bus.publish(
            [Record(topic.get(e.type, "pulang.lifecycle"), e.subject, e.to_bytes(), 0) for e in events]
        )
        await self._pulang.settled()

    async def says(self, subject: str, *facts: Fact) -> None:
        await self.publish([self.event(subject, fact) for fact in facts])

    async def opens(self, code: str = SHELTER, agency: str = "kemensos", time_zone: str = "Asia/Jakarta") -> None:
        fact = FacilityOpened(
            facility=code, kind="shelter", name=f"Shelter {code}", agency=agency, regency="21.72", time_zone=time_zone
        )
        await self.says(code, fact)

    async def accepts(self, *cases: str, shelter: str = SHELTER, post: str = "TNJ") -> list[str]:
        """Referred by the post, taken in by the shelter; the referral ids."""
        made = await refer(self._pulang, *cases, shelter=shelter, post=post)
        await self.publish(
            [
                self.event(case, ReferralAccepted(referral=referral, facility=shelter))
                for case, referral in zip(cases, made, strict=True)
            ]
        )
        return made

    async def checks_in(self, case: str, shelter: str = SHELTER) -> None:
        await self.says(case, StayCheckedIn(stay="s", facility=shelter, room_type="female", on="2026-11-03"))  # type: ignore[arg-type]

    async def checks_out(self, case: str, shelter: str = SHELTER) -> None:
        await self.says(case, StayCheckedOut(stay="s", facility=shelter, on="2026-11-08", reason="return_home"))  # type: ignore[arg-type]


async def refer(pulang: Pulang, *cases: str, shelter: str = SHELTER, post: str = "TNJ") -> list[str]:
    body = {"facility": shelter, "cases": list(cases), "occurred_at": "2026-11-03"}
    made = await pulang.officer(post).done("/intake/referrals", body)
    return [referral["referral_id"] for referral in made["referrals"]]


async def case_of(pulang: Pulang, case_id: str) -> dict[str, Any]:
    answer = await pulang.administrator.get(f"/intake/cases/{case_id}")
    assert answer.status_code == 200, answer.text
    return cast(dict[str, Any], answer.json())


def told(pulang: Pulang, subject: str) -> list[tuple[str, dict[str, Any]]]:
    """What intake's event log holds of a subject: the fact, and its envelope, in order."""
    rows = rows_of(pulang, "SELECT payload FROM events WHERE subject = ? ORDER BY streamversion", subject)
    events = [json.loads(payload) for (payload,) in rows]
    assert [event["streamversion"] for event in events] == list(range(1, len(events) + 1))
    return [(event["type"].removeprefix("pulang.").removesuffix(".v1"), event) for event in events]


def facts(pulang: Pulang, subject: str) -> list[str]:
    return [fact for fact, _ in told(pulang, subject)]


def rows_of(pulang: Pulang, query: str, *values: Any) -> list[Any]:
    """What stands in intake's tables."""
    return pulang.rows("intake", query, *values)


def pointers(answer: httpx.Response) -> list[str | None]:
    """What a problem document points to."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return [error.get("pointer") for error in answer.json().get("errors", [])]


def kind(answer: httpx.Response) -> tuple[int, str]:
    """Status and type of a problem."""
    return answer.status_code, str(answer.json()["type"]).removeprefix("/problems/")
