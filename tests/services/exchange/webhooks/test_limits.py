"""What is too large, and what is forgotten."""

from datetime import timedelta

import pytest

from services.exchange.commands import webhooks as commands
from services.exchange.log import begin_behind_all_cursors
from shared.events.intake import ConsentChanged, ConsentDecision
from shared.settings import Settings
from tests.services.exchange.hearing import Narrator, new_id
from tests.services.exchange.webhooks.receiving import Site, nothing_open
from tests.stores import Chosen

pytestmark = [pytest.mark.either_database, pytest.mark.usefixtures("database")]


async def test_more_than_64_kib_is_never_sent_and_its_case_waits_for_its_owner(place: Site, narrator: Narrator) -> None:
    webhook = await place.partner().register(place.receiver.url())
    case = new_id()
    decision = ConsentDecision(agency="iom", status="given", level="pseudonymous")
    await place.exchange.hear(
        narrator.registered(case),
        narrator.tell("intake", case, ConsentChanged(decisions=(decision,) * 1500, given_by="person")),
        narrator.screened(case),
    )
    await place.partner().until(webhook["id"], lambda one: one["messages"]["exhausted"] == 1)
    (large,) = await place.partner().deliveries(webhook["id"], state="exhausted")
    assert (large["outcome"], large["attempts"]) == ("too_large", 0)
    await place.partner().done("POST", f"/{webhook['id']}/skip", json={"message": large["message"]})
    await place.partner().until(webhook["id"], nothing_open)
    assert [heard.type for heard in place.receiver.heard] == ["case.registered", "case.screened"]
    assert (await place.partner().show(webhook["id"]))["state"] == "enabled"


async def test_what_was_delivered_is_forgotten_after_a_while_and_with_its_webhook(
    place: Site, narrator: Narrator, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stored() -> tuple[int, ...]:
        return tuple(
            int(Chosen.databases.rows(settings, "exchange", f"SELECT count(*) FROM {table}")[0][0])
            for table in ("webhook_messages", "webhook_secrets", "webhook_endpoints")
        )

    desk = place.exchange.service.desk
    webhook = await place.partner().register(place.receiver.url())
    bad, good = new_id(), new_id()
    await place.exchange.hear(*(narrator.registered(case) for case in (bad, good)))
    await place.exchange.hear(*(narrator.consent(case, iom="pseudonymous") for case in (bad, good)))
    await place.partner().until(webhook["id"], nothing_open)
    await desk.write(commands.forget_messages)
    assert stored() == (4, 1, 1)
    monkeypatch.setattr(commands, "KEPT", timedelta(seconds=-60))
    await desk.write(commands.forget_messages)
    assert stored() == (0, 1, 1)
    monkeypatch.setattr(commands, "KEPT", timedelta(days=30))
    await place.exchange.hear(narrator.screened(good))
    await place.partner().until(webhook["id"], nothing_open)
    await place.partner().done("DELETE", f"/{webhook['id']}", headers={"if-match": "*"})
    assert stored() == (1, 0, 1)
    await desk.write(commands.forget_messages)
    assert stored() == (0, 0, 0)


async def test_after_a_restore_a_webhook_goes_on_behind_all_positions(place: Site, narrator: Narrator) -> None:
    webhook = await place.partner().register(place.receiver.url())
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    await place.partner().until(webhook["id"], nothing_open)
    await place.exchange.service.desk.write(lambda work: begin_behind_all_cursors(work.session))
    await place.partner().until(webhook["id"], nothing_open)
    await place.exchange.hear(narrator.screened(case))
    await place.receiver.until_accepted(3)
    await place.partner().until(webhook["id"], nothing_open)
