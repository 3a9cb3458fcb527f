"""What is, or was, on its way to a webhook."""

from functools import partial
from typing import Annotated, Any

from fastapi import Query, Request, Response
from sqlalchemy.orm import Session

from services.exchange.commands import webhooks as commands
from services.exchange.problems import MessageGoesOn, MessageUnknown, OnlyItsOwner, WebhookUnknown
from services.exchange.routes.router import door, router
from services.exchange.routes.webhook_samples import DELIVERY, WEBHOOK
from services.exchange.routes.webhooks import WebhookId, show_webhook
from services.exchange.schemas import Delivery, Pinged, Replayed, ReplayMessages, SkipMessage, WebhookView
from services.exchange.schemas.webhooks import STATES
from services.exchange.webhooks import reading
from services.exchange.webhooks.courier import Courier
from services.exchange.webhooks.lane import keys_of
from services.exchange.webhooks.ping import ping
from shared.http.door import Door, page_of, shown
from shared.http.pages import After, CursorUnknown, Limit, Page, from_cursor, to_cursor
from shared.http.problems import raises
from shared.http.samples import sample

CURSOR_KIND = "deliveries"


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    response_model=Page[Delivery],
    responses=raises(WebhookUnknown, OnlyItsOwner, CursorUnknown),
    openapi_extra=sample({"items": [DELIVERY]}),
)
async def list_deliveries(
    webhook_id: WebhookId,
    request: Request,
    at: Annotated[Door, door("webhook.manage")],
    state: Annotated[STATES | None, Query()] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """The messages of a webhook, the newest of the log first. Those that are delivered are kept for 30 days.

    Of exhausted messages there may be one to a case; what comes later in that case waits.
    """
    key, before = at.service.desk.secrets.cursor, None
    if after is not None:
        kind, of, before = from_cursor(key, after, str, str, int)
        if (kind, of) != (CURSOR_KIND, webhook_id):
            raise CursorUnknown(pointer="query.after")
    directory = at.service.companion(Courier).directory

    def read(session: Session) -> Any:
        row = _own(session, at, webhook_id)
        return reading.list_deliveries(session, directory, row, state, before, limit)

    items, last = await at.study(read)
    return page_of(items, None if last is None else to_cursor(key, CURSOR_KIND, webhook_id, last), request)


@router.post(
    "/webhooks/{webhook_id}/replay",
    response_model=Replayed,
    responses=raises(WebhookUnknown, OnlyItsOwner, MessageUnknown),
    openapi_extra=sample({"messages": 214}),
)
async def replay_messages(
    webhook_id: WebhookId, body: ReplayMessages, at: Annotated[Door, door("webhook.manage")]
) -> Response:
    """Deliver again, under the same `webhook-id`: one message, all that is exhausted, or all since a time.

    What consent or policy does not allow any more is not sent again.
    """
    if body.message is not None:
        return await at.write(partial(commands.replay_message, webhook_id=webhook_id, message=body.message), 200)
    if body.since is None:
        return await at.write(partial(commands.replay_exhausted, webhook_id=webhook_id), 200)
    since = body.since

    def first(session: Session) -> tuple[int | None, int]:
        _own(session, at, webhook_id)
        return reading.replayed_from(session, webhook_id, since)

    position, count = await at.study(first)
    return await at.write(partial(commands.replay_from, webhook_id=webhook_id, position=position, count=count), 200)


@router.post(
    "/webhooks/{webhook_id}/skip",
    response_model=WebhookView,
    responses=raises(WebhookUnknown, OnlyItsOwner, MessageUnknown, MessageGoesOn),
    openapi_extra=sample(WEBHOOK),
)
async def skip_message(
    webhook_id: WebhookId, body: SkipMessage, at: Annotated[Door, door("webhook.manage")]
) -> Response:
    """Give up a message that is tried again or exhausted, so that its case goes on."""
    await at.write(partial(commands.skip_message, webhook_id=webhook_id, message=body.message), 200)
    return await show_webhook(at, webhook_id)


@router.post(
    "/webhooks/{webhook_id}/ping",
    response_model=Pinged,
    responses=raises(WebhookUnknown, OnlyItsOwner),
    openapi_extra=sample({"delivered": True, "outcome": "delivered", "status": 204, "ms": 38}),
)
async def ping_webhook(webhook_id: WebhookId, at: Annotated[Door, door("webhook.manage")]) -> Response:
    """Send a signed `pulang.webhook.ping.v1` now, also where the webhook is disabled, and say what came of it."""
    courier = at.service.companion(Courier)
    now = courier.settings.now()
    await at.do(partial(commands.note_ping, webhook_id=webhook_id))

    def read(session: Session) -> Any:
        row = _own(session, at, webhook_id)
        return courier.seal.open_url(webhook_id, row.url), keys_of(session, webhook_id, courier.seal, now)

    url, keys = await at.read(read)
    asking = courier.asking(at.caller.agency)
    async with asking.pings:
        return shown(await ping(webhook_id, url, keys, courier.settings, asking.names))


def _own(session: Session, at: Door, webhook_id: str) -> Any:
    """Raises WebhookUnknown, OnlyItsOwner."""
    row = reading.find(session, at.caller, webhook_id)
    if row is None:
        raise WebhookUnknown
    if not reading.is_own(at.caller, row):
        raise OnlyItsOwner
    return row
