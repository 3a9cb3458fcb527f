"""Webhooks: made, changed, given other secrets, enabled and disabled, and what is on its way to them."""

from datetime import datetime, timedelta
from typing import Any

import uuid_utils
from sqlalchemy import and_, delete, exists, func, insert, or_, select, update
from sqlmodel import col

from services.exchange.commands.barring import (
    ADMINISTRATOR,
    OWNER,
    bar_host,
    lift_bar,
    must_not_be_barred,
    must_not_be_disabled_by_administrator,
)
from services.exchange.models import Agency, WebhookSecret
from services.exchange.problems import (
    MessageGoesOn,
    MessageUnknown,
    OnlyItsOwner,
    TooManyWebhooks,
    TypeNotYours,
    WebhookUnknown,
)
from services.exchange.schemas import (
    ChangeWebhook,
    RegisterWebhook,
    Replayed,
    WebhookChanged,
    WebhookDeleted,
)
from services.exchange.webhooks.again import forget, reopen, skip, try_at_once
from services.exchange.webhooks.messages import ENDPOINTS, EXHAUSTED, MESSAGES
from services.exchange.webhooks.reading import covers, is_own, sees
from services.exchange.webhooks.sealed import Seal
from services.exchange.webhooks.signing import new_signer
from shared.database.models import table_of
from shared.http.preconditions import must_match
from shared.security.access import ALL
from shared.security.audit import audit
from shared.work import Work

MOST_WEBHOOKS = 20
"""Of an agency."""
KEPT = timedelta(days=30)
"""What was delivered, skipped or withheld stays in the log for so long."""
FORGOTTEN_AT_ONCE = 5_000

_SECRETS = table_of(WebhookSecret)


def register_webhook(work: Work, body: RegisterWebhook) -> WebhookChanged:
    """A webhook of the caller's agency. Its URL was checked.

    Raises TypeNotYours, TooManyWebhooks, DisabledByAdministrator where another one of that host is.
    """
    caller, endpoint = work.caller, str(uuid_utils.uuid7())
    types = body.event_types
    if types is None and caller.event_types is not None:
        types = sorted(caller.event_types)
    if not covers(caller, types):
        raise TypeNotYours(pointer="#/event_types")
    agency = work.session.execute(
        select(table_of(Agency)).where(col(Agency.agency) == caller.agency).with_for_update()
    ).one_or_none()
    there = select(func.count()).where(ENDPOINTS.c.agency == caller.agency, ENDPOINTS.c.state != "deleted")
    if work.session.execute(there).scalar_one() >= MOST_WEBHOOKS:
        raise TooManyWebhooks
    must_not_be_barred(work, work.caller.agency, body.url)
    work.session.execute(
        insert(ENDPOINTS).values(
            endpoint_id=endpoint,
            agency=caller.agency,
            url=_seal(work).url(endpoint, body.url),
            event_types=types,
            state="enabled",
            version=1,
            cursor=0 if body.history or agency is None else agency.last,
            failures=0,
            created_at=work.now,
        )
    )
    secret_id = _add_secret(work, endpoint)
    audit(work, "webhook.register", endpoint)
    return WebhookChanged(id=endpoint, secret_id=secret_id)


def change_webhook(work: Work, webhook_id: str, body: ChangeWebhook, if_match: str | None) -> None:
    """Another address, other types.

    Raises WebhookUnknown, OnlyItsOwner, TypeNotYours, DisabledByAdministrator, PreconditionFailed.
    """
    row = _own(work, webhook_id)
    must_match(if_match, row.version)
    changes: dict[str, Any] = {}
    if "event_types" in body.model_fields_set:
        if not covers(work.caller, body.event_types):
            raise TypeNotYours(pointer="#/event_types")
        changes["event_types"] = body.event_types
    if body.url is not None:
        must_not_be_disabled_by_administrator(row)  # its host would be free again
        must_not_be_barred(work, work.caller.agency, body.url)
        changes |= {"url": _seal(work).url(webhook_id, body.url), "failures": 0, "failing_since": None}
        try_at_once(work.session, webhook_id, work.now, anew=True)
    _change(work, row, **changes)
    audit(work, "webhook.change", webhook_id)


def delete_webhook(work: Work, webhook_id: str, if_match: str | None) -> WebhookDeleted:
    """Its address and secrets are gone at once, its messages soon after. Raises as `change_webhook`."""
    row = _own(work, webhook_id)
    must_match(if_match, row.version)
    must_not_be_disabled_by_administrator(row)  # nor made again
    work.session.execute(delete(_SECRETS).where(_SECRETS.c.endpoint_id == webhook_id))
    _change(work, row, state="deleted", url=b"")
    audit(work, "webhook.delete", webhook_id)
    return WebhookDeleted(id=webhook_id)


def rotate_secret(work: Work, webhook_id: str, overlap: timedelta) -> WebhookChanged:
    """Other secrets; those of before sign along for a while, and none that are older.

    Raises WebhookUnknown, OnlyItsOwner.
    """
    row = _own(work, webhook_id)
    mine = _SECRETS.c.endpoint_id == webhook_id
    work.session.execute(delete(_SECRETS).where(mine, _SECRETS.c.valid_until.is_not(None)))
    if overlap:
        work.session.execute(update(_SECRETS).where(mine).values(valid_until=work.now + overlap))
    else:
        work.session.execute(delete(_SECRETS).where(mine))
    secret_id = _add_secret(work, webhook_id)
    _change(work, row)
    audit(work, "webhook.rotate", webhook_id)
    return WebhookChanged(id=webhook_id, secret_id=secret_id)


def disable_webhook(work: Work, webhook_id: str) -> WebhookChanged:
    """Nothing is sent there any more, until it is enabled. An administrator disables the host for its agency, in
    whichever of its webhooks it stands. Raises WebhookUnknown."""
    row = _seen(work, webhook_id)
    if not is_own(work.caller, row):
        for one in bar_host(work, row):
            audit(work, "webhook.disable", one)
    elif row.state == "enabled":
        _change(work, row, state="disabled", disabled_because=OWNER)
        audit(work, "webhook.disable", webhook_id)
    return WebhookChanged(id=webhook_id)


def enable_webhook(work: Work, webhook_id: str) -> WebhookChanged:
    """It goes on where it was; what failed is tried at once, and again for three days. What is exhausted stays so. What
    an administrator had disabled at the same host is its owner's to enable then.

    Raises WebhookUnknown, OnlyItsOwner, DisabledByAdministrator.
    """
    row = _seen(work, webhook_id)
    by_administrator = row.disabled_because == ADMINISTRATOR
    if ALL not in work.caller.permissions:
        must_not_be_disabled_by_administrator(row)
    if not by_administrator and not is_own(work.caller, row):
        raise OnlyItsOwner
    if by_administrator:
        lift_bar(work, row)
    if row.state == "disabled":
        _change(work, row, state="enabled", disabled_because=None, failures=0, failing_since=None)
        try_at_once(work.session, webhook_id, work.now, anew=True)
        audit(work, "webhook.enable", webhook_id)
    return WebhookChanged(id=webhook_id)


def note_ping(work: Work, webhook_id: str) -> None:
    """Raises WebhookUnknown, OnlyItsOwner."""
    _own(work, webhook_id)
    audit(work, "webhook.ping", webhook_id)


def replay_message(work: Work, webhook_id: str, message: str) -> Replayed:
    """Deliver one again. Raises WebhookUnknown, OnlyItsOwner, MessageUnknown."""
    _own(work, webhook_id)
    if not reopen(work.session, webhook_id, MESSAGES.c.message_id == message, work.now):
        raise MessageUnknown
    audit(work, "webhook.replay", webhook_id)
    return Replayed(messages=1)


def replay_exhausted(work: Work, webhook_id: str) -> Replayed:
    """Deliver again whatever was given up. Raises WebhookUnknown, OnlyItsOwner."""
    _own(work, webhook_id)
    exhausted = and_(MESSAGES.c.open, MESSAGES.c.state == EXHAUSTED)
    count = reopen(work.session, webhook_id, exhausted, work.now)
    audit(work, "webhook.replay", webhook_id)
    return Replayed(messages=count)


def replay_from(work: Work, webhook_id: str, position: int | None, count: int) -> Replayed:
    """Deliver again from a position of the log on, in its order. Raises WebhookUnknown, OnlyItsOwner."""
    row = _own(work, webhook_id)
    if position is not None and position - 1 < row.cursor:
        work.session.execute(update(ENDPOINTS).where(ENDPOINTS.c.endpoint_id == webhook_id).values(cursor=position - 1))
    audit(work, "webhook.replay", webhook_id)
    return Replayed(messages=count)


def skip_message(work: Work, webhook_id: str, message: str) -> WebhookChanged:
    """Give up one message, so that its case goes on.

    Raises WebhookUnknown, OnlyItsOwner, MessageUnknown, MessageGoesOn.
    """
    _own(work, webhook_id)
    if not skip(work.session, webhook_id, message, work.now):
        known = select(MESSAGES.c.position).where(
            MESSAGES.c.endpoint_id == webhook_id, MESSAGES.c.message_id == message
        )
        raise MessageGoesOn if work.session.execute(known).one_or_none() else MessageUnknown
    audit(work, "webhook.skip", webhook_id)
    return WebhookChanged(id=webhook_id)


def forget_messages(work: Work) -> None:
    """The clock's: drop what is closed for long, what belonged to webhooks that are no more, and secrets that ended."""
    session = work.session
    old: datetime = work.now - KEPT
    ended = select(ENDPOINTS.c.endpoint_id).where(ENDPOINTS.c.state == "deleted")
    of_ended = MESSAGES.c.endpoint_id.in_(ended)
    forget(session, or_(and_(MESSAGES.c.taken_at < old, ~MESSAGES.c.open), of_ended), FORGOTTEN_AT_ONCE)
    left = exists(select(MESSAGES.c.position).where(MESSAGES.c.endpoint_id == ENDPOINTS.c.endpoint_id))
    session.execute(delete(ENDPOINTS).where(ENDPOINTS.c.state == "deleted", ~left))
    session.execute(delete(_SECRETS).where(_SECRETS.c.valid_until < work.now))


def _seal(work: Work) -> Seal:
    return Seal(work.secrets.webhook)


def _add_secret(work: Work, endpoint: str) -> str:
    secret_id = str(uuid_utils.uuid7())
    work.session.execute(
        insert(_SECRETS).values(
            secret_id=secret_id,
            endpoint_id=endpoint,
            created_at=work.now,
            **_seal(work).secrets(secret_id, new_signer()),
        )
    )
    return secret_id


def _seen(work: Work, webhook_id: str) -> Any:
    """Its row, locked. Raises WebhookUnknown."""
    row = work.session.execute(
        select(ENDPOINTS).where(ENDPOINTS.c.endpoint_id == webhook_id, ENDPOINTS.c.state != "deleted").with_for_update()
    ).one_or_none()
    if row is None or not sees(work.caller, row):
        raise WebhookUnknown
    return row


def _own(work: Work, webhook_id: str) -> Any:
    """Its row, locked. Raises WebhookUnknown, OnlyItsOwner for who may only see it."""
    row = _seen(work, webhook_id)
    if not is_own(work.caller, row):
        raise OnlyItsOwner
    return row


def _change(work: Work, row: Any, **changes: Any) -> None:
    """A new version, which the courier sees."""
    work.session.execute(
        update(ENDPOINTS).where(ENDPOINTS.c.endpoint_id == row.endpoint_id).values(version=row.version + 1, **changes)
    )
