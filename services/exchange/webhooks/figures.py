"""How far the webhooks are, in figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from services.exchange.models import Agency
from services.exchange.webhooks.messages import ENDPOINTS, EXHAUSTED, MESSAGES, RETRYING, WAITING
from shared.database.models import table_of
from shared.metrics.figures import Figure

_AGENCIES = table_of(Agency)


@dataclass(frozen=True, slots=True)
class Standing:
    """Of all webhooks together."""

    endpoints: Mapping[str, int]
    messages: Mapping[str, int]
    """Those that are open, by state, of webhooks that are enabled."""
    untaken: int
    """Positions of the logs that have not become messages, the furthest behind of all."""


def standing(session: Session) -> Standing:
    """As the database says."""
    endpoints = session.execute(
        select(ENDPOINTS.c.state, func.count()).where(ENDPOINTS.c.state != "deleted").group_by(ENDPOINTS.c.state)
    )
    messages = session.execute(
        select(MESSAGES.c.state, func.count())
        .join(ENDPOINTS, and_(ENDPOINTS.c.endpoint_id == MESSAGES.c.endpoint_id, ENDPOINTS.c.state == "enabled"))
        .where(MESSAGES.c.open)
        .group_by(MESSAGES.c.state)
    )
    untaken = session.execute(
        select(func.max(_AGENCIES.c.last - ENDPOINTS.c.cursor))
        .join(_AGENCIES, _AGENCIES.c.agency == ENDPOINTS.c.agency)
        .where(ENDPOINTS.c.state == "enabled")
    ).scalar()
    return Standing(
        endpoints={"enabled": 0, "disabled": 0} | _counted(endpoints),
        messages={WAITING: 0, RETRYING: 0, EXHAUSTED: 0} | _counted(messages),
        untaken=max(0, int(untaken or 0)),
    )


def figures_of(found: Standing, outcomes: Mapping[str, int]) -> Sequence[Figure]:
    """`outcomes`: attempts of this process, by what came of them."""
    return [
        Figure("pulang_webhooks", "Webhooks.", ("state",), _by_word(found.endpoints)),
        Figure(
            "pulang_webhook_messages",
            "Messages that are not delivered, of webhooks that are enabled.",
            ("state",),
            _by_word(found.messages),
        ),
        Figure(
            "pulang_webhook_untaken_events",
            "Events of a log that have not become messages, of the webhook that is the furthest behind.",
            (),
            {(): found.untaken},
        ),
        Figure(
            "pulang_webhook_attempts_total",
            "What was sent, or found not to be sent.",
            ("outcome",),
            _by_word(outcomes),
            counts=True,
        ),
    ]


def _counted(rows: Iterable[Any]) -> dict[str, int]:
    return {row[0]: int(row[1]) for row in rows}


def _by_word(counts: Mapping[str, int]) -> dict[tuple[str, ...], float]:
    return {(word,): count for word, count in counts.items()}
