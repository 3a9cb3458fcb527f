"""An agency's log is written a slice at a time when it joins, while everything else goes on."""

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.exchange import joining
from shared.events.envelope import Event
from shared.events.intake import CaseErased
from shared.settings import Settings
from tests.services.exchange.hearing import Exchange, Narrator, listening, new_id

OFFICE: dict[str, Any] = {"name": "Dinas Sosial", "kind": "social_office", "withheld": []}
LEVELS = ("none", "pseudonymous", "identified")


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "SLICE", 7)


def goings_on(narrator: Narrator, seed: int) -> Iterator[Event]:
    """Cases whose persons decide again and again, about both agencies alike; some are erased."""
    dice = random.Random(seed)  # noqa: S311
    cases = [new_id() for _ in range(12)]
    erased: set[str] = set()
    for case in cases:
        yield narrator.registered(case)
    while True:
        case = dice.choice([one for one in cases if one not in erased])
        match dice.randrange(12):
            case 0 | 1 | 2 | 3:
                level = dice.choice(LEVELS)
                yield narrator.consent(case, iom=level, dinsos=level)
            case 4:
                yield narrator.opened(f"RPTC-{dice.randrange(5)}", "kemensos")
            case 5 if len(erased) < 4 and dice.random() < 0.2:
                erased.add(case)
                yield narrator.tell("intake", case, CaseErased())
            case _:
                yield narrator.issued(case)


async def join(exchange: Exchange) -> Any:
    return await exchange.send("PUT", "/exchange/agencies/dinsos", OFFICE)


async def standing(exchange: Exchange) -> dict[str, Any]:
    found: dict[str, Any] = (await exchange.get("/exchange/agencies/dinsos")).json()
    return found


async def until(exchange: Exchange, enough: Callable[[dict[str, Any]], bool]) -> None:
    """Until what is listed of the agency that joins is what is waited for."""
    async with asyncio.timeout(30):
        while True:
            items = (await exchange.get("/exchange/agencies")).json()["items"]
            if enough(next((one for one in items if one["agency"] == "dinsos"), {})):
                return
            await asyncio.sleep(0)


async def has_joined(exchange: Exchange) -> None:
    await until(exchange, lambda agency: agency["joining"] is False)


async def must_be_alike(exchange: Exchange) -> None:
    """What it would have been: as that of an agency which was there from the beginning, about which all decided so."""
    await exchange.settled()
    ours, theirs = await exchange.feed("dinsos"), await exchange.feed("iom")
    assert [_seen(event) for event in ours] == [_seen(event) for event in theirs] != []
    items = {one["agency"]: one for one in (await exchange.get("/exchange/agencies")).json()["items"]}
    assert items["dinsos"]["last"] == items["iom"]["last"]
    asked = {one: await _asked(exchange, one) for one in ("dinsos", "iom")}
    assert asked["dinsos"] == asked["iom"] != []


def _seen(event: dict[str, Any]) -> tuple[Any, ...]:
    return event["id"], event.get("grant"), event["type"], (event.get("data") or {}).get("deletion_requested")


async def _asked(exchange: Exchange, agency: str) -> list[tuple[str, str]]:
    found = (await exchange.get("/exchange/consent-requests", agency=agency, role="integrator", limit=500)).json()
    return [(one["event"], one["asks"]) for one in found["items"] if one["agency"] == agency]


@pytest.mark.parametrize("seed", range(3))
async def test_a_log_that_is_written_while_more_is_told_is_what_it_would_have_been(
    exchange: Exchange, narrator: Narrator, small_slices: None, seed: int
) -> None:
    told = goings_on(narrator, seed)
    await exchange.hear(*(next(told) for _ in range(250)))
    joins = asyncio.create_task(join(exchange))
    meanwhile = 0
    while not joins.done():
        await exchange.publish(next(told), next(told))
        await asyncio.sleep(0.03)
        meanwhile += 1
    assert (await joins).json()["joining"] is False
    assert meanwhile > 3
    await exchange.publish(*(next(told) for _ in range(50)))
    await must_be_alike(exchange)


async def test_others_are_served_while_a_log_is_written(
    exchange: Exchange, narrator: Narrator, small_slices: None
) -> None:
    told = goings_on(narrator, 1)
    await exchange.hear(*(next(told) for _ in range(250)))
    joins, answers, refusals = asyncio.create_task(join(exchange)), 0, 0
    while not joins.done():
        assert (await exchange.page("iom", limit=10))["events"]
        await asyncio.sleep(0)  # what is asked in process lets nobody else go on by itself
        answers += 1
        refusals += (await exchange.get("/exchange/feed", "dinsos", "reader")).status_code == 403
    assert answers > 10
    assert refusals > 10  # nothing goes out of a log that is not whole
    assert (await joins).json()["joining"] is False
    assert await exchange.feed("dinsos")


async def test_a_log_is_written_on_after_a_restart(
    settings: Settings, narrator: Narrator, small_slices: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = goings_on(narrator, 2)
    async with listening(settings) as exchange:
        await exchange.hear(*(next(told) for _ in range(250)))
        monkeypatch.setattr(joining, "SHARE", 0.05)  # so that it is stopped in the middle
        joins = asyncio.create_task(join(exchange))
        await until(exchange, lambda agency: agency.get("last", 0) > 0)
        for companion in exchange.service.companions:
            await companion.stop()
        assert (await joins).json()["joining"] is True
        assert (await standing(exchange))["joining"] is True
        assert not await exchange.on_topic("dinsos")
    async with listening(settings) as exchange:
        await has_joined(exchange)
        await exchange.publish(*(next(told) for _ in range(50)))
        await must_be_alike(exchange)
        assert await exchange.on_topic("dinsos")


async def test_who_leaves_while_joining_is_shown_nothing_and_comes_back_to_a_whole_log(
    exchange: Exchange, narrator: Narrator, small_slices: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "SHARE", 0.05)
    told = goings_on(narrator, 3)
    await exchange.hear(*(next(told) for _ in range(250)))
    joins = asyncio.create_task(join(exchange))
    await until(exchange, lambda agency: agency.get("joining", False))
    left = await exchange.send("DELETE", "/exchange/agencies/dinsos", if_match='"1"')
    assert left.status_code == 200, left.text
    await joins
    await has_joined(exchange)
    assert (await exchange.get("/exchange/feed", "dinsos", "reader")).status_code == 403
    back = await exchange.send("PUT", "/exchange/agencies/dinsos", OFFICE, if_match='"2"')
    assert back.json()["joining"] is False
    # The door asks for who has left once a second.
    while (await exchange.get("/exchange/feed", "dinsos", "reader")).status_code == 403:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await must_be_alike(exchange)
