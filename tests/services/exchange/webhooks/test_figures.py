"""What /metrics tells of webhooks: how many wait, and what came of attempts; never where they go."""

import pytest

from tests.services.exchange.hearing import Narrator, new_id
from tests.services.exchange.webhooks.receiving import Site, nothing_open, says

pytestmark = [pytest.mark.either_database, pytest.mark.usefixtures("database")]


async def test_backlog_and_attempts_are_told_without_addresses(
    place: Site, narrator: Narrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.metrics.asking.FRESH_SECONDS", 0.0)
    webhook = await place.partner().register(place.receiver.url("/hidden-path"))
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    await place.partner().until(webhook["id"], nothing_open)
    place.receiver.answer = says(500)
    await place.exchange.hear(narrator.screened(case), narrator.session(case))
    await place.partner().until(webhook["id"], lambda one: one["messages"]["retrying"] == 1)
    text = (await place.exchange.get("/metrics")).text
    for line in (
        'pulang_webhooks{service="exchange",state="enabled"} 1.0',
        'pulang_webhook_messages{service="exchange",state="waiting"} 1.0',
        'pulang_webhook_messages{service="exchange",state="retrying"} 1.0',
        'pulang_webhook_messages{service="exchange",state="exhausted"} 0.0',
        'pulang_webhook_untaken_events{service="exchange"} 0.0',
        'pulang_webhook_attempts_total{outcome="delivered",service="exchange"} 2.0',
        'pulang_webhook_attempts_total{outcome="status",service="exchange"} 1.0',
        'pulang_relay_lease_held{relay="webhooks",service="exchange"} 1.0',
    ):
        assert line in text, text
    for hidden in ("hidden-path", "receiver.example.org", webhook["id"], case, "iom"):
        assert hidden not in text
