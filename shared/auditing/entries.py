"""Reading the audit log: what is chained, in the order of the chain."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.security.audit import AUDIT, NOTHING_KNOWN

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What a page may be narrowed to; `until` is not included."""

    subject: str | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def subject_to_note(session: Session, named: str | None) -> str:
    """What is noted of a search: the subject, where it is an id or the log knows it. Never a text of the searcher's
    own, since the log forgets nothing."""
    if named is None:
        return "all"
    if not _ID.fullmatch(named):
        known = session.execute(select(AUDIT.c.position).where(AUDIT.c.subject == named).limit(1)).first()
        return NOTHING_KNOWN if known is None else named
    return named


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
