"""A ping: a signed request that its owner asks for, to see whether an address is reached and a signature verified."""

import time
from datetime import datetime
from typing import Any

import orjson
import uuid_utils

from services.exchange.schemas import Pinged
from services.exchange.webhooks.lane import Keyed
from services.exchange.webhooks.naming import Names
from services.exchange.webhooks.settings import WebhookSettings
from services.exchange.webhooks.signing import signed_headers
from services.exchange.webhooks.url import target_of
from shared.events.envelope import rfc3339

TYPE = "pulang.webhook.ping.v1"
"""No fact of the lifecycle: it stands in no log, and has no version."""


async def ping(webhook_id: str, url: str, keys: list[Keyed], settings: WebhookSettings, names: Names) -> Pinged:
    """One attempt on a line of its own; it changes nothing of the webhook. Raises UrlRefused."""
    from services.exchange.webhooks.line import Line

    now, event = settings.now(), str(uuid_utils.uuid7())
    body = orjson.dumps(_event(event, webhook_id, now))
    headers = signed_headers([one.signer for one in keys], f"ping_{event}", int(now.timestamp()), body)
    line, began = Line(settings, names), time.perf_counter()
    try:
        result = await line.post(target_of(url), headers, body)
    finally:
        await line.close()
    return Pinged(
        delivered=result.delivered,
        outcome=result.outcome,
        status=result.status,
        ms=round((time.perf_counter() - began) * 1000),
    )


def _event(event: str, webhook_id: str, now: datetime) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event,
        "source": "/pulang/exchange",
        "type": TYPE,
        "subject": webhook_id,
        "time": rfc3339(now),
    }
