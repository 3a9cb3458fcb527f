"""What consent of now does to what is on its way."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from shared.settings import Settings
from tests.services.exchange.hearing import Narrator, new_id, types
from tests.services.exchange.webhooks.receiving import Heard, Site, nothing_open, says, site, thanks

FRESH = 0.3

pytestmark = [pytest.mark.either_database, pytest.mark.usefixtures("database")]


async def test_a_retry_after_a_withdrawal_sends_the_request_to_delete_and_nothing_else(
    place: Site, narrator: Narrator
) -> None:
    webhook = await place.partner().register(place.receiver.url())
    place.receiver.answer = says(500)
    case, other = new_id(), new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    await place.exchange.hear(narrator.screened(case))
    await place.partner().until(webhook["id"], lambda one: one["messages"]["retrying"] == 1)
    sent = len(place.receiver.heard)
    await place.exchange.hear(narrator.consent(case, iom="none"))

    place.receiver.answer = thanks
    place.clock.advance(minutes=10)
    await place.receiver.until_accepted(1)
    await place.partner().until(webhook["id"], nothing_open)
    (heard,) = place.receiver.heard[sent:]
    assert heard.type == "case.consent_changed"
    assert heard.event["data"]["deletion_requested"] == "case"
    log = await place.partner().deliveries(webhook["id"])
    assert [one["state"] for one in log] == ["delivered", "withheld", "withheld", "withheld"]
    assert [one.get("type") for one in log] == ["pulang.case.consent_changed.v1", None, None, None]

    # A replay, of one or of all, brings nothing back.
    await place.partner().done("POST", f"/{webhook['id']}/replay", json={"message": log[3]["message"]})
    await place.partner().done("POST", f"/{webhook['id']}/replay", json={"since": "2020-01-01T00:00:00Z"})
    await place.exchange.hear(narrator.registered(other), narrator.consent(other, iom="pseudonymous"))
    await place.receiver.until(lambda one: len(one.accepted) >= 4)
    await place.partner().until(webhook["id"], nothing_open)
    assert [h.type for h in place.receiver.heard[sent:] if h.subject == case] == ["case.consent_changed"] * 2


async def test_what_waits_behind_a_request_under_way_is_disclosed_when_its_turn_comes(
    place: Site, narrator: Narrator
) -> None:
    webhook = await place.partner().register(place.receiver.url())
    begun, release = asyncio.Event(), asyncio.Event()

    async def slow(heard: Heard) -> web.Response:
        begun.set()
        await release.wait()
        return web.Response(status=200)

    place.receiver.answer = slow
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    await place.exchange.hear(narrator.screened(case))
    await begun.wait()
    await place.exchange.hear(narrator.consent(case, iom="none"))
    release.set()
    await place.partner().until(webhook["id"], nothing_open)
    assert [heard.type for heard in place.receiver.accepted] == ["case.registered", "case.consent_changed"]
    assert types([place.receiver.accepted[1].event]) == types(await place.exchange.of_case("iom", case))


async def test_the_request_to_delete_waits_for_no_next_try(place: Site, narrator: Narrator) -> None:
    """The clock stands still: what failed before would be tried again in a while."""
    webhook = await place.partner().register(place.receiver.url())
    place.receiver.answer = says(500)
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    await place.partner().until(webhook["id"], lambda one: one["messages"]["retrying"] == 1)
    place.receiver.answer = says(200)
    await place.exchange.hear(narrator.consent(case, iom="none"))
    await place.partner().until(webhook["id"], nothing_open)
    (asked,) = place.receiver.accepted
    assert asked.event["data"]["deletion_requested"] == "case"


async def test_an_agency_that_has_left_is_sent_nothing(place: Site, narrator: Narrator) -> None:
    webhook = await place.partner().register(place.receiver.url())
    place.receiver.answer = says(500)
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    await place.partner().until(webhook["id"], lambda one: one["messages"]["retrying"] == 1)
    left = await place.exchange.send("DELETE", "/exchange/agencies/iom", if_match='"1"')
    assert left.status_code == 200, left.text
    sent = len(place.receiver.heard)
    place.clock.advance(minutes=10)
    await place.exchange.hear(narrator.opened("RPTC-A", "kemensos"))
    await place.partner("bp2mi").register(place.receiver.url("/other"), history=True)
    await place.receiver.until(lambda one: any(heard.path == "/other" for heard in one.heard))
    assert [heard.path for heard in place.receiver.heard[sent:]] == ["/other"]
    assert (await place.partner().ask("POST", json={"url": place.receiver.url()})).status_code == 403


async def test_what_was_decided_long_before_the_connection_stood_is_decided_again(
    settings: Settings, tmp_path: Path, narrator: Narrator
) -> None:
    registered, looking, found = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slowly(host: str, port: int) -> list[str]:
        if registered.is_set():
            looking.set()
            await found.wait()
        return ["127.0.0.1"]

    async with site(settings, tmp_path, look_up=slowly, connect_seconds=60.0, fresh_seconds=FRESH) as place:
        webhook = await place.partner().register(place.receiver.url())
        registered.set()
        case = new_id()
        await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
        await looking.wait()
        await asyncio.sleep(FRESH)
        await place.exchange.hear(narrator.consent(case, iom="none"))
        found.set()
        await place.partner().until(webhook["id"], nothing_open)
        (heard,) = place.receiver.heard
        assert heard.event["data"]["deletion_requested"] == "case"
        assert "failing_since" not in await place.partner().show(webhook["id"])
