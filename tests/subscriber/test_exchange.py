"""The subscriber on the real feed: a copy in step with consent as it is raised, lowered, withdrawn and raised again."""

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from pulang.subscriber import ERASED, Feed
from shared.security.tokens import DevelopmentIssuer
from shared.settings import Settings
from tests.services.exchange.hearing import Exchange, Narrator, listening, new_id
from tests.services.intake.erasing import erased
from tests.subscriber.acknowledging import Acknowledging
from tests.subscriber.copying import Copy
from tests.subscriber.reference import Key
from tests.world import Pulang

LEVELS = ("none", "pseudonymous", "identified")


def feed_of(client: httpx.AsyncClient, settings: Settings, page: int = 1000) -> tuple[Feed, Acknowledging]:
    """IOM's."""
    acknowledging = Acknowledging(client)
    http = httpx.AsyncClient(transport=acknowledging)
    token = DevelopmentIssuer(settings.keys).issue("iom", "reader")
    return Feed("http://pulang.test", lambda: token, page=page, http=http), acknowledging


def keys_of(events: list[dict[str, Any]]) -> dict[str, list[Key]]:
    """What a copy must hold of what a feed tells now: all but the requests to delete a case."""
    found: dict[str, list[Key]] = {}
    for event in events:
        if (event.get("data") or {}).get("deletion_requested") != "case":
            found.setdefault(event["subject"], []).append((event.get("grant"), event["source"], event["id"]))
    return found


async def told(pulang: Pulang) -> list[dict[str, Any]]:
    answer = await pulang.reader("iom").get("/exchange/feed", params={"limit": 1000})
    events: list[dict[str, Any]] = answer.json()["events"]
    return events


async def decide(pulang: Pulang, case: str, level: str) -> None:
    decision = {"agency": "iom", "status": "given" if level != "none" else "withdrawn", "level": level}
    body = {"decisions": [decision], "given_by": "person", "witness": "Contoh Saksi", "occurred_at": "2026-11-03"}
    await pulang.officer().done(f"/intake/cases/{case}/consents", body)
    await pulang.settled()


async def test_a_person_agrees_withdraws_and_agrees_again(pulang: Pulang, copy: Copy) -> None:
    await pulang.open_post()
    await pulang.open_shelter()
    case, other = await pulang.register(), await pulang.register()
    source, acknowledging = feed_of(pulang.client, pulang.settings)
    requests: list[str] = []

    async def follow() -> None:
        await copy.subscriber(source).follow(until_idle=0)
        assert copy.held == keys_of(await told(pulang))

    await follow()
    assert case not in copy.held
    await decide(pulang, case, "identified")
    await decide(pulang, other, "pseudonymous")
    await follow()
    assert [grant for grant, _, _ in copy.held[case]] == [1, 1]

    await decide(pulang, case, "pseudonymous")
    await follow()
    assert copy.deleted("identity") == [case]
    requests.append((await told(pulang))[-1]["id"])
    assert acknowledging.events == requests
    assert len(copy.held[case]) == 3, "it is followed on"

    await decide(pulang, case, "none")
    await follow()
    assert copy.deleted("case") == [case]
    requests.append((await told(pulang))[-1]["id"])
    assert acknowledging.events == requests
    assert set(copy.held) & {case, other} == {other}

    referral = {"facility": "RPTC-TANJUNG-PINANG", "cases": [case], "occurred_at": "2026-11-03"}
    await pulang.officer().done("/intake/referrals", referral)
    await decide(pulang, case, "pseudonymous")
    await follow()
    assert {grant for grant, _, _ in copy.held[case]} == {2}
    # In the history of the new grant the lowering stands as it was, and is answered again.
    assert set(acknowledging.events) == set(requests)
    assert copy.deleted("case") == [case]


async def test_who_comes_late_deletes_what_they_never_had(pulang: Pulang, copy: Copy) -> None:
    await pulang.open_post()
    case = await pulang.register()
    await decide(pulang, case, "identified")
    await decide(pulang, case, "none")
    source, acknowledging = feed_of(pulang.client, pulang.settings)
    await copy.subscriber(source).follow(until_idle=0)
    assert (copy.deleted("case"), case in copy.held) == ([case], False)
    assert acknowledging.events == [(await told(pulang))[-1]["id"]]


async def asked_to_delete(pulang: Pulang, state: str) -> dict[str, str]:
    """By case, what the exchange lists of IOM's."""
    answer = await pulang.reader("iom").get("/exchange/consent-requests", params={"state": state})
    assert answer.status_code == 200, answer.text
    return {item["case_id"]: item["event"] for item in answer.json()["items"]}


async def test_a_person_is_erased_and_the_copy_says_that_it_has_deleted_them(pulang: Pulang, copy: Copy) -> None:
    await pulang.open_post()
    held, left, never, other = [await pulang.register() for _ in range(4)]
    for case in (held, left, other):
        await decide(pulang, case, "identified")
    await decide(pulang, left, "none")
    source, acknowledging = feed_of(pulang.client, pulang.settings)
    await copy.subscriber(source).follow(until_idle=0)
    assert set(copy.held) & {held, left, never, other} == {held, other}
    assert await asked_to_delete(pulang, "open") == {}

    await erased(pulang, held, left, never)
    asked = await asked_to_delete(pulang, "open")
    assert set(asked) == {held, left}, "whoever ever had a grant is asked, and nobody else"
    report = await copy.subscriber(source).follow(until_idle=0)
    assert (report.deleted, report.acknowledged, report.owed) == (2, 2, 0)
    assert set(copy.held) & {held, left, never, other} == {other}
    assert copy.held == keys_of([event for event in await told(pulang) if event["type"] != ERASED]), (
        "an erased case leaves nothing"
    )
    assert acknowledging.events[-2:] == [asked[held], asked[left]]
    assert await asked_to_delete(pulang, "open") == {}
    assert (await asked_to_delete(pulang, "acknowledged")).items() >= asked.items()

    late = Copy()
    report = await late.subscriber(source).follow(until_idle=0)
    assert late.held == copy.held
    assert {held, left} <= set(late.deleted("case"))
    assert report.owed == 0


@pytest_asyncio.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with listening(Settings(tmp_path / "data")) as one:
        yield one


@pytest.mark.parametrize("seed", range(4))
async def test_consent_at_random_read_page_by_page(exchange: Exchange, copy: Copy, tmp_path: Path, seed: int) -> None:
    """The copy is read while things happen, sometimes from a cursor of before; at the end it holds what may be held."""
    dice, narrator = random.Random(seed), Narrator()  # noqa: S311
    settings = Settings(tmp_path / "data")
    cases = [new_id() for _ in range(5)]
    await exchange.hear(narrator.opened("RPTC-A", "kemensos"), *(narrator.registered(case) for case in cases))
    source, acknowledging = feed_of(exchange._client, settings, page=dice.randint(2, 9))
    asked: set[str] = set()
    for _ in range(12):
        for _ in range(dice.randint(1, 8)):
            case = dice.choice(cases)
            match dice.randrange(5):
                case 0 | 1:
                    await exchange.publish(narrator.consent(case, iom=dice.choice(LEVELS)))
                case 2:
                    await exchange.publish(narrator.issued(case))
                case 3:
                    await exchange.publish(narrator.session(case))
                case _:
                    await exchange.publish(narrator.screened(case))
        await exchange.settled()
        if dice.random() < 0.2:
            with copy.store.transaction() as here:
                here.remove("position", "feed")
        await copy.subscriber(source).follow(until_idle=0)
        feed = await exchange.feed("iom")
        asked |= {event["id"] for event in feed if (event.get("data") or {}).get("deletion_requested")}
        assert copy.held == keys_of(feed)
        assert set(acknowledging.events) == asked
        assert copy.owed == []


async def test_a_place_that_comes_to_the_agency_is_told_from_its_beginning(
    exchange: Exchange, copy: Copy, tmp_path: Path
) -> None:
    """Under another subject, in the middle of its versions: what comes before is looked up."""
    narrator = Narrator()
    source, _ = feed_of(exchange._client, Settings(tmp_path / "data"))
    await exchange.hear(narrator.opened("RPTC-A", "kemensos"), narrator.opened("RPTC-A", "kemensos"))
    await copy.subscriber(source).follow(until_idle=0)
    assert list(copy.held) == [subject for subject in copy.held if subject.startswith("place-")]
    await exchange.hear(narrator.opened("RPTC-A", "iom"))
    await copy.subscriber(source).follow(until_idle=0)
    assert len(copy.held["RPTC-A"]) == 3
