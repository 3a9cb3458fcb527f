"""Reading the audit log: what is chained, in the order of the chain."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.security.audit import AUDIT


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What a page may be narrowed to; `until` is not included."""

    subject: str | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def entries(session: Session, wanted: EntryFilter, after: int, limit: int) -> Sequence[Any]:
    """Rows behind that number. A page never shifts: what has no number yet comes behind all that has one."""
    query = select(AUDIT).where(AUDIT.c.number > after)
    for column, value in (
        (AUDIT.c.subject, wanted.subject),
        (AUDIT.c.actor, wanted.actor),
        (AUDIT.c.action, wanted.action),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(AUDIT.c.at_ms >= int(wanted.since.timestamp() * 1000))
    if wanted.until is not None:
        query = query.where(AUDIT.c.at_ms < int(wanted.until.timestamp() * 1000))
    return session.execute(query.order_by(AUDIT.c.number).limit(limit)).all()
