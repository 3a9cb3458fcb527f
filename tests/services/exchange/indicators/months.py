"""Telling whole months of arrivals, and asking for what was published of them."""

import asyncio
import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from services.exchange.indicators.publishing import Publisher
from shared.codes import age_band
from shared.events.envelope import Event, rfc3339
from shared.events.fact import Fact
from shared.events.intake import CaseClosed, CaseRegistered, CaseReopened, CaseScreened
from shared.events.shelter import StayCheckedIn, StayCheckedOut
from tests.services.exchange.hearing import Exchange, Narrator, new_id

SEASON = Path(__file__).parents[4] / "examples" / "season-2020"
PLACES = {"TNJ": "21.72", "BTM": "21.71", "ENT": "61.03", "CGK": "36.71", "NNK": "65.03"}
TOLD_PROVINCES = {"TNJ": "21", "BTM": "21"}
"""With the shelter at Tanjung Pinang three places share province 21."""


class Erased(Fact):
    """As intake tells it: without data."""

    TYPE = "pulang.case.erased.v1"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who arrived, as the tables see them."""

    arrived: date
    post: str = "TNJ"
    sex: Any = "F"
    band: Any = "24--26"
    finding: Any = "NotAVictimOfTrafficking"
    left: date | None = None
    """Went home from the shelter; None: is still there."""
    status: str = "open"

    def facts(self) -> dict[str, str]:
        return {
            "sex": self.sex,
            "age_band": self.band or "unknown",
            "trafficking_status": self.finding or "unknown",
            "case_status": "closed" if self.status == "closed" else "open",
            "way": "shelter" if self.left is None else "home",
            "province": TOLD_PROVINCES.get(self.post, "other"),
        }


def counts(people: Iterable[Person]) -> dict[str, Counter[str]]:
    """The exact tables, counted one by one."""
    tables: dict[str, Counter[str]] = {}
    for person in people:
        for table, value in person.facts().items():
            tables.setdefault(table, Counter())[value] += 1
    return tables


def places(narrator: Narrator) -> list[Event]:
    posts = [narrator.opened(code, "bp2mi", kind="arrival_point", regency=where) for code, where in PLACES.items()]
    return [*posts, narrator.opened("RPTC-A", "kemensos")]


def life(narrator: Narrator, person: Person, recorded: date | None = None, case: str | None = None) -> Iterator[Event]:
    """What the services tell of a person; entered on the day of arrival, or on `recorded`."""
    case, stay = case or new_id(), new_id()
    on = recorded or person.arrived
    at = rfc3339(datetime(on.year, on.month, on.day, 3, tzinfo=UTC))

    def tell(service: str, fact: Any) -> Event:
        return narrator.tell(service, case, fact, time=at, recordedtime=at)

    yield tell(
        "intake",
        CaseRegistered(
            arrival_point=person.post, arrival_date=person.arrived, sex=person.sex, age_band=person.band or None
        ),
    )
    if person.finding:
        yield tell("intake", CaseScreened(trafficking_status=person.finding, decided_by="NGO"))
    yield tell("shelter", StayCheckedIn(stay=stay, facility="RPTC-A", room_type="female", on=person.arrived))
    if person.left is not None:
        yield tell("shelter", StayCheckedOut(stay=stay, facility="RPTC-A", on=person.left, reason="return_home"))
    if person.status != "open":
        yield tell("intake", CaseClosed(outcome="returned"))
    if person.status == "reopened":
        yield tell("intake", CaseReopened())


def erased(narrator: Narrator, case: str) -> Event:
    return narrator.tell("intake", case, Erased())


async def rebuild(exchange: Exchange) -> None:
    """Until another generation is the live one."""
    token = exchange._issuer.issue("kemensos", "administrator")
    headers = {"Authorization": f"Bearer {token}"}
    begun = await exchange._client.post("/exchange/operations/rebuild", json={}, headers=headers)
    assert begun.status_code == 202, begun.text
    await rebuilt(exchange)


async def rebuilt(exchange: Exchange) -> None:
    async with asyncio.timeout(30):
        while True:
            (item,) = (await exchange.get("/exchange/operations/projections")).json()["items"]
            if item["building"] is None:
                assert item["ended"] is None
                return
            await asyncio.sleep(0.01)


def publisher(exchange: Exchange, now: datetime) -> Publisher:
    """Exchange's own, whose clock stands at `now`."""
    found = exchange.service.companion(Publisher)
    found.now = lambda: now
    return found


async def published(exchange: Exchange, role: str = "reader", **query: Any) -> list[dict[str, Any]]:
    answer = await exchange.get("/exchange/indicators/published", "iom", role, **query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def season() -> list[Person]:
    """The people of the example, in the order of their arrival."""
    with (SEASON / "caseload.csv").open(encoding="utf-8", newline="") as lines:
        return [
            Person(
                date.fromisoformat(row["arrival_date"]),
                row["arrival_point"],
                row["sex"],
                age_band(date.fromisoformat(row["birth_date"]), date.fromisoformat(row["arrival_date"])),
                row["trafficking_status"],
                date.fromisoformat(row["check_out"]) if row["check_out"] else None,
            )
            for row in csv.DictReader(lines)
        ]
