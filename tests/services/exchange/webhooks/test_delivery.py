"""What a receiver gets: all that its agency may have, in order per case, signed so that the SDKs verify it."""

import asyncio
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook, WebhookVerificationError

from shared.events.envelope import Event
from tests.services.exchange.hearing import Narrator, new_id
from tests.services.exchange.webhooks.receiving import Site, nothing_open

pytestmark = [pytest.mark.either_database, pytest.mark.usefixtures("database")]


def lives(narrator: Narrator, cases: list[str], agency: str = "iom") -> list[Event]:
    """Some of the life of each case, side by side."""
    steps: list[Any] = [
        narrator.registered,
        lambda case: narrator.consent(case, **{agency: "pseudonymous"}),
        narrator.screened,
        lambda case: narrator.checked_in(case, new_id()),
        narrator.session,
    ]
    return [step(case) for step in steps for case in cases]


async def feed_by_subject(place: Site, agency: str = "iom") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for event in await place.exchange.feed(agency):
        found.setdefault(event["subject"], []).append(event["id"])
    return found


async def test_all_that_the_agency_may_have_comes_in_order_per_case(place: Site, narrator: Narrator) -> None:
    webhook = await place.partner().register(place.receiver.url())
    cases = [new_id() for _ in range(20)]
    await place.exchange.hear(*lives(narrator, cases), *(narrator.opened(f"RPTC-{n}", "kemensos") for n in range(3)))
    await place.receiver.until_accepted(20 * 5 + 3)
    assert place.receiver.by_subject() == await feed_by_subject(place)
    shown = await place.partner().until(webhook["id"], nothing_open)
    assert shown["delivered_at"]
    log = await place.partner().deliveries(webhook["id"], limit=25)
    assert len(log) == 103
    assert {one["state"] for one in log} == {"delivered"}
    assert {one["message"] for one in log} == {heard.id for heard in place.receiver.accepted}


async def test_the_sdks_verify_and_parse_what_is_sent(place: Site, narrator: Narrator) -> None:
    webhook = await place.partner().register(place.receiver.url())
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    await place.receiver.until_accepted(2)
    (in_feed, _) = await place.exchange.feed("iom")
    heard = place.receiver.accepted[0]
    assert Webhook(webhook["secret"]).verify(heard.body, heard.headers) == in_feed
    assert heard.bears(webhook["public_keys"][0]["public_key"])
    event = from_http_event(HTTPMessage(heard.headers, heard.body))
    assert (event.get_type(), event.get_subject(), event.get_source()) == (
        "pulang.case.registered.v1",
        case,
        "/pulang/intake",
    )
    assert event.get_data() == in_feed["data"]
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook["secret"]).verify(heard.body + b" ", heard.headers)
    assert heard.headers["host"] == f"receiver.example.org:{place.receiver.port}"


async def test_a_webhook_begins_with_now_or_with_the_whole_history(place: Site, narrator: Narrator) -> None:
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    await place.partner().register(place.receiver.url("/now"))
    await place.partner().register(place.receiver.url("/all"), history=True)
    await place.exchange.hear(narrator.screened(case))
    await place.receiver.until_accepted(3)
    await place.receiver.until(lambda one: len(one.accepted) == 4)
    assert [heard.type for heard in place.receiver.accepted if heard.path == "/now"] == ["case.screened"]
    assert [heard.type for heard in place.receiver.accepted if heard.path == "/all"] == [
        "case.registered",
        "case.consent_changed",
        "case.screened",
    ]


async def test_a_limited_subscription_gets_its_types_and_what_asks_for_deletion(
    place: Site, narrator: Narrator
) -> None:
    webhook = await place.partner().register(place.receiver.url(), event_types=["pulang.case.screened.v1"])
    assert webhook["gapless"] is False
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    await place.exchange.hear(narrator.screened(case), narrator.session(case))
    await place.receiver.until_accepted(1)
    await place.exchange.hear(narrator.consent(case, iom="none"))
    await place.receiver.until_accepted(2)
    await place.partner().until(webhook["id"], nothing_open)
    assert [heard.type for heard in place.receiver.accepted] == ["case.screened", "case.consent_changed"]
    assert place.receiver.accepted[1].event["data"]["deletion_requested"] == "case"


async def test_each_agency_gets_its_own_and_the_same_event_is_another_message(place: Site, narrator: Narrator) -> None:
    for agency in ("iom", "bp2mi"):
        await place.partner(agency).register(place.receiver.url(f"/{agency}"))
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous", bp2mi="identified"))
    await place.receiver.until_accepted(4)
    by_agency = {
        agency: [heard for heard in place.receiver.accepted if heard.path == f"/{agency}"]
        for agency in ("iom", "bp2mi")
    }
    assert [h.event["id"] for h in by_agency["iom"]] == [h.event["id"] for h in by_agency["bp2mi"]]
    for agency, own in by_agency.items():
        (decision,) = own[1].event["data"]["decisions"]
        assert decision["agency"] == agency


async def test_the_webhook_id_is_one_per_message_and_grant(place: Site, narrator: Narrator) -> None:
    await place.partner().register(place.receiver.url("/a"))
    await place.partner().register(place.receiver.url("/b"))
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    await place.receiver.until(lambda one: len(one.accepted) == 2 * 2)
    await place.exchange.hear(narrator.consent(case, iom="none"))
    await place.exchange.hear(narrator.consent(case, iom="pseudonymous"))
    # Grant 1: three, grant 2: the history of three with an ending that is a stub, and its beginning.
    await place.receiver.until(lambda one: len(one.accepted) == 2 * 7)
    ids = {path: [h.id for h in place.receiver.accepted if h.path == path] for path in ("/a", "/b")}
    assert ids["/a"] == ids["/b"]
    assert len(set(ids["/a"])) == 7


async def test_a_ping_is_signed_and_changes_nothing(place: Site) -> None:
    webhook = await place.partner().register(place.receiver.url())
    assert await place.partner().done("POST", f"/{webhook['id']}/ping") | {"ms": 0} == {
        "delivered": True,
        "outcome": "delivered",
        "status": 204,
        "ms": 0,
    }
    (heard,) = place.receiver.heard
    assert Webhook(webhook["secret"]).verify(heard.body, heard.headers)["type"] == "pulang.webhook.ping.v1"
    assert heard.bears(webhook["public_keys"][0]["public_key"])
    assert from_http_event(HTTPMessage(heard.headers, heard.body)).get_subject() == webhook["id"]
    assert await place.partner().deliveries(webhook["id"]) == []


async def test_a_rotated_secret_signs_beside_the_one_before_until_its_time_is_over(
    place: Site, narrator: Narrator
) -> None:
    first = await place.partner().register(place.receiver.url())
    second = await place.partner().done("POST", f"/{first['id']}/secret/rotate", json={"overlap_hours": 24})
    assert second["secret"] != first["secret"]
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    await place.receiver.until_accepted(2)
    both = place.receiver.accepted[0]
    for secrets in (first, second):
        assert Webhook(secrets["secret"]).verify(both.body, both.headers)
        assert both.bears(secrets["public_keys"][0]["public_key"])
    keys = (await place.partner().done("GET", f"/{first['id']}/keys"))["items"]
    assert [key["public_key"] for key in keys] == [
        second["public_keys"][0]["public_key"],
        first["public_keys"][0]["public_key"],
    ]
    assert ["until" in key for key in keys] == [False, True]

    place.clock.advance(hours=25)
    await place.exchange.hear(narrator.screened(case))
    await place.receiver.until_accepted(3)
    one = place.receiver.accepted[2]
    assert len(one.signatures) == 2
    assert one.bears(second["public_keys"][0]["public_key"])
    assert not one.bears(first["public_keys"][0]["public_key"])
    third = await place.partner().done("POST", f"/{first['id']}/secret/rotate", json={"overlap_hours": 0})
    assert len(third["public_keys"]) == 1


async def test_more_endpoints_than_one_each_get_everything(place: Site, narrator: Narrator) -> None:
    paths = [f"/{number}" for number in range(4)]
    await asyncio.gather(*(place.partner().register(place.receiver.url(path)) for path in paths))
    cases = [new_id() for _ in range(10)]
    await place.exchange.hear(*lives(narrator, cases))
    await place.receiver.until(lambda one: len(one.accepted) >= 4 * 50)
    wanted = await feed_by_subject(place)
    for path in paths:
        got: dict[str, list[str]] = {}
        for heard in place.receiver.accepted:
            if heard.path == path:
                got.setdefault(heard.subject, []).append(heard.event["id"])
        assert got == wanted
