"""Receivers that fail, hang, answer slowly, redirect and come back; and owners who replay, skip and enable."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from shared.settings import Settings
from tests.services.exchange.hearing import Narrator, new_id
from tests.services.exchange.webhooks.receiving import (
    Answer,
    Heard,
    Receiver,
    Site,
    hangs,
    nothing_open,
    says,
    site,
    sooner_or_later,
    thanks,
)
from tests.services.exchange.webhooks.test_delivery import feed_by_subject, lives

pytestmark = [pytest.mark.either_database, pytest.mark.usefixtures("database")]


def only_for(case: str, answer: Answer) -> Answer:
    """One case is answered so, all others with thanks."""

    async def chosen(heard: Heard) -> web.Response:
        return await (answer if heard.subject == case else thanks)(heard)

    return chosen


def attempts(receiver: Receiver, case: str) -> Callable[[int], Callable[[Receiver], bool]]:
    return lambda count: lambda one: sum(heard.subject == case for heard in one.heard) >= count


async def test_a_case_that_fails_waits_in_order_while_the_others_go_on(place: Site, narrator: Narrator) -> None:
    webhook = await place.partner().register(place.receiver.url())
    cases = [new_id() for _ in range(8)]
    place.receiver.answer = only_for(cases[0], says(500))
    await place.exchange.hear(*lives(narrator, cases))
    await place.receiver.until_accepted(7 * 5)
    held_up = {"untaken": 0, "waiting": 4, "retrying": 1, "exhausted": 0}
    await place.partner().until(webhook["id"], lambda one: one["messages"] == held_up)
    assert [heard.type for heard in place.receiver.heard if heard.subject == cases[0]] == ["case.registered"]
    (failed,) = await place.partner().deliveries(webhook["id"], state="retrying")
    assert (failed["outcome"], failed["status"], failed["attempts"]) == ("status", 500, 1)
    assert failed["subject"] == cases[0]

    place.receiver.answer = thanks
    place.clock.advance(seconds=10)
    await place.receiver.until_accepted(8 * 5)
    assert place.receiver.by_subject() == await feed_by_subject(place)
    await place.partner().until(webhook["id"], nothing_open)


@pytest.mark.parametrize(
    ("answer", "outcome", "status"),
    [
        (says(500), "status", 500),
        (says(404), "status", 404),
        (says(429, **{"retry-after": "2"}), "status", 429),
        (says(302, location="https://127.0.0.1/inside"), "redirect", 302),
        (says(307, location="http://169.254.169.254/latest/meta-data/"), "redirect", 307),
        (hangs, "timeout", None),
    ],
)
async def test_what_fails_is_told_and_comes_back(
    answer: Answer, outcome: str, status: int | None, settings: Settings, tmp_path: Path, narrator: Narrator
) -> None:
    async with site(settings, tmp_path, answer_seconds=0.3) as place:
        webhook = await place.partner().register(place.receiver.url())
        place.receiver.answer = answer
        case = new_id()
        await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
        await place.partner().until(webhook["id"], lambda one: one["messages"]["retrying"] == 1)
        (failed,) = await place.partner().deliveries(webhook["id"], state="retrying")
        assert (failed["outcome"], failed.get("status"), failed["attempts"]) == (outcome, status, 1)
        place.receiver.answer = thanks
        place.clock.advance(seconds=10)
        await place.receiver.until_accepted(2)
        assert place.receiver.by_subject() == await feed_by_subject(place)
        assert {heard.path for heard in place.receiver.heard} == {"/hook"}
        assert "169.254.169.254" not in place.resolver.asked


async def test_a_receiver_that_is_away_is_found_when_it_comes_back(place: Site, narrator: Narrator) -> None:
    place.receiver.port, there = 1, place.receiver.port  # nobody listens there
    webhook = await place.partner().register(place.receiver.url())
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    await place.partner().until(webhook["id"], lambda one: one["messages"]["retrying"] == 1)
    (failed,) = await place.partner().deliveries(webhook["id"], state="retrying")
    assert failed["outcome"] == "no_connection"
    place.receiver.port = there
    etag = (await place.partner().ask("GET", f"/{webhook['id']}")).headers["etag"]
    await place.partner().done(
        "PATCH", f"/{webhook['id']}", json={"url": place.receiver.url()}, headers={"if-match": etag}
    )
    await place.receiver.until_accepted(2)  # another address is tried at once


async def test_a_slow_endpoint_delays_no_other(place: Site, narrator: Narrator) -> None:
    release = asyncio.Event()

    async def slow(heard: Heard) -> web.Response:
        if heard.path == "/slow":
            await release.wait()
        return web.Response(status=200, text="ok")

    place.receiver.answer = slow
    await place.partner().register(place.receiver.url("/slow"))
    await place.partner().register(place.receiver.url("/quick"))
    cases = [new_id() for _ in range(40)]
    await place.exchange.hear(*lives(narrator, cases))
    await place.receiver.until(lambda one: sum(h.path == "/quick" for h in one.accepted) == 200)
    assert sum(heard.path == "/slow" for heard in place.receiver.accepted) == 0
    assert sum(heard.path == "/slow" for heard in place.receiver.heard) == place.settings.at_once
    release.set()
    await place.receiver.until(lambda one: sum(h.path == "/slow" for h in one.accepted) == 200)


async def test_after_three_days_a_message_is_exhausted_and_its_case_waits_for_its_owner(
    place: Site, narrator: Narrator
) -> None:
    webhook = await place.partner().register(place.receiver.url())
    bad, good = new_id(), new_id()
    place.receiver.answer = only_for(bad, says(422))
    await place.exchange.hear(*lives(narrator, [bad, good]))
    await exhaust(place, webhook["id"], narrator)
    held_up = {"untaken": 0, "waiting": 4, "retrying": 0, "exhausted": 1}
    shown = await place.partner().until(webhook["id"], lambda one: one["messages"] == held_up)
    assert shown["state"] == "enabled"
    (exhausted,) = await place.partner().deliveries(webhook["id"], state="exhausted")
    assert (exhausted["subject"], exhausted["type"]) == (bad, "pulang.case.registered.v1")
    assert "next_at" not in exhausted
    before = len(place.receiver.heard)

    place.clock.advance(days=1)
    await place.exchange.hear(narrator.session(good))
    await place.receiver.until(lambda one: one.accepted[-1].type == "psychosocial.session_recorded")
    assert [heard.subject for heard in place.receiver.heard[before:]] == [good]

    place.receiver.answer = thanks
    assert await place.partner().done("POST", f"/{webhook['id']}/replay", json={"message": exhausted["message"]}) == {
        "messages": 1
    }
    await place.partner().until(webhook["id"], nothing_open)
    assert place.receiver.by_subject()[bad] == (await feed_by_subject(place))[bad]


async def test_a_skipped_message_lets_its_case_go_on(place: Site, narrator: Narrator) -> None:
    webhook = await place.partner().register(place.receiver.url())
    case = new_id()

    async def answer(heard: Heard) -> web.Response:
        return web.Response(status=400 if heard.type == "case.registered" else 204)

    place.receiver.answer = answer
    await place.exchange.hear(*lives(narrator, [case]))
    await place.partner().until(webhook["id"], lambda one: one["messages"]["retrying"] == 1)
    (failed,) = await place.partner().deliveries(webhook["id"], state="retrying")
    (waiting, *_) = await place.partner().deliveries(webhook["id"], state="waiting")
    refused = await place.partner().ask("POST", f"/{webhook['id']}/skip", json={"message": waiting["message"]})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/message-goes-on")
    await place.partner().done("POST", f"/{webhook['id']}/skip", json={"message": failed["message"]})
    await place.receiver.until_accepted(4)
    assert place.receiver.by_subject()[case] == (await feed_by_subject(place))[case][1:]
    (skipped,) = await place.partner().deliveries(webhook["id"], state="skipped")
    assert skipped["message"] == failed["message"]
    unknown = await place.partner().ask("POST", f"/{webhook['id']}/skip", json={"message": "msg_" + "a" * 26})
    assert unknown.status_code == 404


async def test_an_endpoint_that_takes_nothing_for_three_days_is_disabled_until_its_owner_enables_it(
    place: Site, narrator: Narrator
) -> None:
    webhook = await place.partner().register(place.receiver.url())
    place.receiver.answer = says(503)
    cases = [new_id() for _ in range(4)]
    await place.exchange.hear(*lives(narrator, cases))
    rounds = 0
    while (shown := await place.partner().show(webhook["id"]))["state"] == "enabled":
        rounds += 1
        assert rounds < 60
        before = await tries(place, webhook["id"])
        place.clock.advance(hours=1.5)  # what fails is tried every hour: after a longer pause it would begin anew
        await tried_more(place, webhook["id"], before)
    assert rounds >= 48
    assert shown["disabled_because"] == "failing"
    await asyncio.sleep(0.1)
    count = len(place.receiver.heard)
    place.clock.advance(days=1)
    await place.exchange.hear(narrator.session(cases[0]))
    await asyncio.sleep(0.1)
    assert len(place.receiver.heard) == count

    place.receiver.answer = thanks
    await place.partner().done("POST", f"/{webhook['id']}/enable")
    await place.partner().done("POST", f"/{webhook['id']}/replay", json={"exhausted": True})
    await place.receiver.until_accepted(4 * 5 + 1)
    assert place.receiver.by_subject() == await feed_by_subject(place)
    assert (await place.partner().show(webhook["id"])).get("disabled_because") is None


async def test_an_endpoint_that_says_gone_is_disabled_at_once(place: Site, narrator: Narrator) -> None:
    webhook = await place.partner().register(place.receiver.url())
    place.receiver.answer = says(410)
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    shown = await place.partner().until(webhook["id"], lambda one: one["state"] == "disabled")
    assert shown["disabled_because"] == "gone"


async def test_replay_from_a_time_delivers_again_in_order_under_the_same_ids(place: Site, narrator: Narrator) -> None:
    webhook = await place.partner().register(place.receiver.url())
    cases = [new_id() for _ in range(3)]
    await place.exchange.hear(*(narrator.registered(case) for case in cases))
    await place.exchange.hear(*(narrator.consent(case, iom="pseudonymous") for case in cases))
    await place.receiver.until_accepted(6)
    await place.partner().until(webhook["id"], nothing_open)
    place.clock.advance(hours=1)
    since = place.clock().isoformat()
    await place.exchange.hear(*(narrator.screened(case) for case in cases), narrator.session(cases[0]))
    await place.receiver.until_accepted(10)
    await place.partner().until(webhook["id"], nothing_open)
    ids = [heard.id for heard in place.receiver.accepted]
    said = await place.partner().done("POST", f"/{webhook['id']}/replay", json={"since": since})
    assert said == {"messages": 4}
    await place.receiver.until(lambda one: len(one.accepted) == 14)
    await place.partner().until(webhook["id"], nothing_open)
    again = place.receiver.accepted[10:]
    assert {heard.id for heard in again} == set(ids[6:])
    assert [heard.type for heard in again if heard.subject == cases[0]] == [
        "case.screened",
        "psychosocial.session_recorded",
    ]


async def tries(place: Site, webhook: str) -> int:
    """Attempts of all that is not delivered, as they are written down."""
    return sum(one["attempts"] for one in await place.partner().deliveries(webhook) if one["state"] != "delivered")


async def tried_more(place: Site, webhook: str, than: int) -> None:
    async def more() -> bool:
        return await tries(place, webhook) > than

    await sooner_or_later(more)


async def exhaust(place: Site, webhook: str, narrator: Narrator) -> None:
    """Three days of attempts; others' deliveries succeed meanwhile, so that the endpoint is not disabled."""
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    for _ in range(100):
        before = await tries(place, webhook)
        place.clock.advance(hours=1.5)
        await place.exchange.hear(narrator.screened(case))
        await tried_more(place, webhook, before)
        if (await place.partner().show(webhook))["messages"]["exhausted"]:
            return
    raise AssertionError("never exhausted")


async def test_a_failure_of_long_ago_that_was_skipped_counts_no_more(place: Site, narrator: Narrator) -> None:
    webhook, case = await place.partner().register(place.receiver.url()), new_id()
    place.receiver.answer = says(500)
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    failing = await place.partner().until(webhook["id"], lambda one: one["messages"]["retrying"] == 1)
    while failed := await place.partner().deliveries(webhook["id"], state="retrying"):
        await place.partner().done("POST", f"/{webhook['id']}/skip", json={"message": failed[0]["message"]})
        await place.partner().until(webhook["id"], lambda one: one["messages"]["waiting"] == 0)
    place.clock.advance(days=4)
    await place.exchange.hear(narrator.issued(case))
    await place.receiver.until(lambda one: any(heard.type == "aid.issued" for heard in one.heard))
    shown = await place.partner().until(webhook["id"], lambda one: one["failing_since"] != failing["failing_since"])
    assert shown["state"] == "enabled"


async def test_three_days_without_a_try_exhaust_nothing(place: Site, narrator: Narrator) -> None:
    webhook, case = await place.partner().register(place.receiver.url()), new_id()
    place.receiver.answer = says(503)
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    await place.partner().until(webhook["id"], lambda one: one["messages"]["retrying"] == 1)
    before = await tries(place, webhook["id"])
    place.clock.advance(days=4)  # as where exchange was away, or the agency
    await tried_more(place, webhook["id"], before)
    shown = await place.partner().until(webhook["id"], lambda one: one["messages"]["waiting"] == 1)
    assert (shown["messages"]["retrying"], shown["messages"]["exhausted"], shown["state"]) == (1, 0, "enabled")
