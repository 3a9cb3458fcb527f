"""Webhooks: made and kept by the agency that they belong to."""

from datetime import timedelta
from functools import partial
from typing import Annotated

import orjson
from fastapi import Header, Path, Response
from sqlalchemy.orm import Session

from services.exchange.commands import webhooks as commands
from services.exchange.problems import (
    DisabledByAdministrator,
    NoPolicy,
    OnlyItsOwner,
    TooManyWebhooks,
    TypeNotYours,
    UrlNotPossible,
    WebhookUnknown,
)
from services.exchange.routes.router import door, router
from services.exchange.routes.webhook_samples import WEBHOOK, WITH_SECRET
from services.exchange.schemas import (
    ChangeWebhook,
    RegisterWebhook,
    RotateSecret,
    WebhookDeleted,
    WebhookKeys,
    WebhookView,
    WebhookWithSecret,
)
from services.exchange.webhooks import reading
from services.exchange.webhooks.courier import Courier
from services.exchange.webhooks.url import UrlRefused, target_of
from shared.http.bodies import Id
from shared.http.door import Door, shown
from shared.http.pages import Page
from shared.http.preconditions import PreconditionFailed, PreconditionRequired, etag_of
from shared.http.problems import raises
from shared.http.samples import sample

WebhookId = Annotated[Id, Path()]
IfMatch = Annotated[str | None, Header()]


@router.post(
    "/webhooks",
    status_code=201,
    response_model=WebhookWithSecret,
    responses=raises(NoPolicy, TypeNotYours, TooManyWebhooks, UrlNotPossible, DisabledByAdministrator),
    openapi_extra=sample(WITH_SECRET, 201),
)
async def register_webhook(body: RegisterWebhook, at: Annotated[Door, door("webhook.manage")]) -> Response:
    """Have your agency's events sent to an address, signed as https://www.standardwebhooks.com says.

    The secret is shown this once.
    """
    if not await at.read(partial(at.service.companion(Courier).directory.knows, agency=at.caller.agency)):
        raise NoPolicy
    await _must_be_possible(at, body.url)
    answer = await at.write(lambda work: commands.register_webhook(work, body))
    return await _with_secret(at, answer)


@router.get(
    "/webhooks",
    response_model=Page[WebhookView],
    responses=raises(),
    openapi_extra=sample({"items": [WEBHOOK]}),
)
async def list_webhooks(at: Annotated[Door, door("webhook.manage")]) -> Response:
    """Your agency's webhooks, and how far each one is; for an administrator, everyone's."""
    courier = at.service.companion(Courier)
    now = courier.settings.now()
    return shown(Page(items=await at.read(lambda s: reading.list_webhooks(s, at.caller, courier.seal, now))))


@router.get(
    "/webhooks/{webhook_id}",
    response_model=WebhookView,
    responses=raises(WebhookUnknown),
    openapi_extra=sample(WEBHOOK),
)
async def get_webhook(webhook_id: WebhookId, at: Annotated[Door, door("webhook.manage")]) -> Response:
    """One webhook; its ETag is what a change must match."""
    return await show_webhook(at, webhook_id)


@router.patch(
    "/webhooks/{webhook_id}",
    response_model=WebhookView,
    responses=raises(
        WebhookUnknown,
        OnlyItsOwner,
        TypeNotYours,
        UrlNotPossible,
        DisabledByAdministrator,
        PreconditionFailed,
        PreconditionRequired,
    ),
    openapi_extra=sample(WEBHOOK),
)
async def change_webhook(
    webhook_id: WebhookId,
    body: ChangeWebhook,
    at: Annotated[Door, door("webhook.manage")],
    if_match: IfMatch = None,
) -> Response:
    """Another address, or other types, from what is not yet taken on."""
    if body.url is not None:
        await _must_be_possible(at, body.url)
    await at.do(lambda work: commands.change_webhook(work, webhook_id, body, if_match))
    return await show_webhook(at, webhook_id)


@router.delete(
    "/webhooks/{webhook_id}",
    response_model=WebhookDeleted,
    responses=raises(WebhookUnknown, OnlyItsOwner, DisabledByAdministrator, PreconditionFailed, PreconditionRequired),
    openapi_extra=sample({"id": WEBHOOK["id"], "state": "deleted"}),
)
async def delete_webhook(
    webhook_id: WebhookId, at: Annotated[Door, door("webhook.manage")], if_match: IfMatch = None
) -> Response:
    """Nothing is sent there any more; its address, its secrets and its log are removed.

    Not while an administrator has disabled it.
    """
    return shown(await at.do(lambda work: commands.delete_webhook(work, webhook_id, if_match)))


@router.get(
    "/webhooks/{webhook_id}/keys",
    response_model=WebhookKeys,
    responses=raises(WebhookUnknown),
    openapi_extra=sample({"items": WEBHOOK["public_keys"]}),
)
async def read_webhook_keys(webhook_id: WebhookId, at: Annotated[Door, door("webhook.manage")]) -> Response:
    """The public keys that `v1a` signatures are verified with; two while one takes over from the other."""
    courier = at.service.companion(Courier)
    now = courier.settings.now()

    def keys(session: Session) -> WebhookKeys | None:
        row = reading.find(session, at.caller, webhook_id)
        return row and WebhookKeys(items=reading.public_keys(session, webhook_id, courier.seal, now))

    found = await at.read(keys)
    if found is None:
        raise WebhookUnknown
    return shown(found)


@router.post(
    "/webhooks/{webhook_id}/secret/rotate",
    response_model=WebhookWithSecret,
    responses=raises(WebhookUnknown, OnlyItsOwner),
    openapi_extra=sample(WITH_SECRET),
)
async def rotate_webhook_secret(
    webhook_id: WebhookId, body: RotateSecret, at: Annotated[Door, door("webhook.manage")]
) -> Response:
    """Another secret and another key, shown this once; those of before sign along for `overlap_hours`."""
    overlap = timedelta(hours=body.overlap_hours)
    return await _with_secret(at, await at.write(lambda work: commands.rotate_secret(work, webhook_id, overlap), 200))


@router.post(
    "/webhooks/{webhook_id}/disable",
    response_model=WebhookView,
    responses=raises(WebhookUnknown),
    openapi_extra=sample(WEBHOOK | {"state": "disabled", "disabled_because": "owner"}),
)
async def disable_webhook(webhook_id: WebhookId, at: Annotated[Door, door("webhook.manage")]) -> Response:
    """Nothing is sent there until it is enabled, and nothing is lost. An administrator may disable anyone's."""
    await at.write(lambda work: commands.disable_webhook(work, webhook_id), 200)
    return await show_webhook(at, webhook_id)


@router.post(
    "/webhooks/{webhook_id}/enable",
    response_model=WebhookView,
    responses=raises(WebhookUnknown, OnlyItsOwner, DisabledByAdministrator),
    openapi_extra=sample(WEBHOOK),
)
async def enable_webhook(webhook_id: WebhookId, at: Annotated[Door, door("webhook.manage")]) -> Response:
    """It goes on where it was. What failed is tried at once; what is exhausted waits to be replayed or skipped."""
    await at.write(lambda work: commands.enable_webhook(work, webhook_id), 200)
    return await show_webhook(at, webhook_id)


async def show_webhook(at: Door, webhook_id: str) -> Response:
    """As it is now. Raises WebhookUnknown."""
    courier = at.service.companion(Courier)
    now = courier.settings.now()

    def find(session: Session) -> tuple[WebhookView, int] | None:
        row = reading.find(session, at.caller, webhook_id)
        return row and (reading.view_of(session, at.caller, row, courier.seal, now), row.version)

    found = await at.read(find)
    if found is None:
        raise WebhookUnknown
    return shown(found[0], headers={"ETag": etag_of(found[1])})


async def _with_secret(at: Door, answer: Response) -> Response:
    """What was written, as it is now, with the secret that was made: stored answers hold neither address nor secret."""
    courier, said = at.service.companion(Courier), orjson.loads(answer.body)
    now = courier.settings.now()

    def find(session: Session) -> tuple[WebhookWithSecret, int] | None:
        row = reading.find(session, at.caller, said["id"])
        if row is None:
            return None
        view = reading.with_secret(session, at.caller, row, courier.seal, now, said.get("secret_id"))
        return view, row.version

    found = await at.read(find)
    if found is None:
        raise WebhookUnknown
    headers = {name: value for name, value in answer.headers.items() if name.startswith("idempotency")}
    return shown(found[0], answer.status_code, {**headers, "ETag": etag_of(found[1]), "Cache-Control": "no-store"})


async def _must_be_possible(at: Door, url: str) -> None:
    """Raises UrlNotPossible."""
    from services.exchange.webhooks.line import refusal_of

    courier = at.service.companion(Courier)
    try:
        why = await refusal_of(target_of(url), courier.settings, courier.asking(at.caller.agency).names)
    except UrlRefused as refused:
        why = str(refused)
    if why is not None:
        raise UrlNotPossible(why, pointer="#/url")
