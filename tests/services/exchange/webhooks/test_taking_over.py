"""Another courier takes over, or an owner replays, while a request is under way."""

import asyncio

import pytest
from aiohttp import web

from services.exchange.webhooks.courier import LEASE
from shared.outbox.lease import Lease
from tests.services.exchange.hearing import Narrator, new_id
from tests.services.exchange.webhooks.receiving import Heard, Site, nothing_open, thanks

pytestmark = pytest.mark.usefixtures("database")


class Held:
    """An answer that waits to be let go."""

    def __init__(self, event_type: str) -> None:
        self._type = event_type
        self.begun, self.release = asyncio.Event(), asyncio.Event()

    async def __call__(self, heard: Heard) -> web.Response:
        if heard.type == self._type:
            self.begun.set()
            await self.release.wait()
        return web.Response(status=200)


@pytest.mark.on_postgres  # a process that is alone on its folder takes the lease back at once
async def test_who_lost_the_lease_marks_nothing_and_sends_nothing(place: Site, narrator: Narrator) -> None:
    webhook = await place.partner().register(place.receiver.url())
    held = Held("case.registered")
    place.receiver.answer = held
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    await held.begun.wait()
    other = Lease(place.exchange.service.database, LEASE)
    assert await other.seize()
    held.release.set()
    await place.receiver.until_accepted(1)
    for _ in range(5):  # commits wake it, and it finds that it may not
        assert await other.hold()
        await place.exchange.hear(narrator.opened("RPTC-A", "kemensos"))
    log = await place.partner().deliveries(webhook["id"])
    assert {one["state"] for one in log} == {"waiting"}
    assert [heard.type for heard in place.receiver.heard] == ["case.registered"]

    await other.release()
    place.receiver.answer = thanks
    await place.receiver.until(lambda one: {"case.consent_changed", "withheld"} <= {h.type for h in one.accepted})
    await place.partner().until(webhook["id"], nothing_open)
    again = [heard for heard in place.receiver.accepted if heard.type == "case.registered"]
    assert len(again) == 2
    assert len({heard.id for heard in again}) == 1
    assert place.receiver.by_subject()[case] == [event["id"] for event in await place.exchange.of_case("iom", case)]


@pytest.mark.either_database
async def test_a_replay_counts_for_what_is_under_way_too(place: Site, narrator: Narrator) -> None:
    webhook = await place.partner().register(place.receiver.url())
    since = place.clock().isoformat()
    held = Held("case.screened")
    place.receiver.answer = held
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    await place.exchange.hear(narrator.screened(case))
    await held.begun.wait()
    said = await place.partner().done("POST", f"/{webhook['id']}/replay", json={"since": since})
    assert said == {"messages": 3}
    await place.receiver.until(lambda one: len(one.accepted) == 4)
    held.release.set()
    await place.receiver.until(lambda one: len(one.accepted) == 6)
    await place.partner().until(webhook["id"], nothing_open)
    types = [heard.type for heard in place.receiver.accepted]
    assert types[:2] == ["case.registered", "case.consent_changed"]
    assert [one for one in types[2:] if one != "case.screened"] == ["case.registered", "case.consent_changed"]
    assert types[-1] == "case.screened"
    assert types.count("case.screened") == 2
