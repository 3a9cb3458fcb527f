"""Messages that are delivered again, given up, or forgotten. Their endpoint's row is locked by whoever asks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from services.exchange.webhooks.messages import AGAIN, EXHAUSTED, MESSAGES, RETRYING, SKIPPED, regroup


def reopen(session: Session, endpoint: str, which: Any, now: datetime) -> int:
    """Deliver again the messages for which `which` holds; how many."""
    found = session.execute(
        update(MESSAGES).where(MESSAGES.c.endpoint_id == endpoint, which).values(AGAIN).returning(MESSAGES.c.subject)
    ).all()
    regroup(session, endpoint, {row.subject for row in found}, now)
    return len(found)


def skip(session: Session, endpoint: str, message: str, now: datetime) -> bool:
    """Give up one that is tried again or exhausted; its case goes on. False where it is neither."""
    found = session.execute(
        update(MESSAGES)
        .where(
            MESSAGES.c.endpoint_id == endpoint,
            MESSAGES.c.message_id == message,
            MESSAGES.c.state.in_((RETRYING, EXHAUSTED)),
        )
        .values(state=SKIPPED, open=False, due_at=None)
        .returning(MESSAGES.c.subject)
    ).one_or_none()
    if found is not None:
        regroup(session, endpoint, {found.subject}, now)
    return found is not None


def try_at_once(session: Session, endpoint: str, now: datetime, anew: bool = False) -> None:
    """Whatever is tried again later is tried now; `anew`: and for three days from its next failure."""
    again: Mapping[str, Any] = {"due_at": now} | ({"failed_at": None, "attempts": 0} if anew else {})
    session.execute(
        update(MESSAGES)
        .where(MESSAGES.c.endpoint_id == endpoint, MESSAGES.c.due_at.is_not(None), MESSAGES.c.state == RETRYING)
        .values(again)
    )


def forget(session: Session, which: Any, at_most: int) -> int:
    """Remove messages for which `which` holds; how many."""
    chosen = select(MESSAGES.c.endpoint_id, MESSAGES.c.position).where(which).limit(at_most).subquery()
    gone = session.execute(
        delete(MESSAGES).where(
            which,  # once more: whoever was waited for may have it delivered again
            exists(
                select(chosen.c.position).where(
                    chosen.c.endpoint_id == MESSAGES.c.endpoint_id, chosen.c.position == MESSAGES.c.position
                )
            ),
        )
    )
    return int(getattr(gone, "rowcount", 0))
