"""A webhook as the OpenAPI document shows it."""

from typing import Any

from services.exchange.schemas.webhooks import MESSAGE, URL

WEBHOOK: dict[str, Any] = {
    "id": "0192f0c1-9d20-7e11-b0c7-5f0e6d1c2a03",
    "agency": "iom",
    "url": URL,
    "gapless": True,
    "state": "enabled",
    "created_at": "2026-11-03T05:00:00Z",
    "delivered_at": "2026-11-03T08:12:45Z",
    "messages": {"untaken": 0, "waiting": 2, "retrying": 1, "exhausted": 0},
    "public_keys": [{"public_key": "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}],
}
WITH_SECRET = WEBHOOK | {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="}
DELIVERY = {
    "message": MESSAGE,
    "state": "retrying",
    "attempts": 2,
    "taken_at": "2026-11-03T08:12:45Z",
    "tried_at": "2026-11-03T08:12:51Z",
    "next_at": "2026-11-03T08:13:22Z",
    "outcome": "status",
    "status": 503,
    "type": "pulang.stay.checked_in.v1",
    "subject": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
}
