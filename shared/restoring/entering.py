"""What an officer has to enter again after a restore: shown by its events, and opened for writing."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, bindparam, exists, select, update
from sqlalchemy.orm import Session

from shared.database.prepared import Prepared
from shared.http.problems import NotFound
from shared.outbox.table import EVENTS, STREAMS
from shared.security.audit import audit
from shared.work import Work

AT_ONCE = 500


class NotBehind(NotFound):
    """Nothing has to be entered again for this subject."""


def behind(session: Session, after: str = "") -> list[dict[str, Any]]:
    """Subjects whose state is older than their events, at most 500 `after` that one: what the state knows, what the
    stream has, and the types and versions of what was told in between."""
    streams = session.execute(
        select(STREAMS)
        .where(STREAMS.c.state_version.is_not(None), STREAMS.c.subject > after)
        .order_by(STREAMS.c.subject)
        .limit(AT_ONCE)
    ).all()
    return [
        {
            "subject": stream.subject,
            "state_version": stream.state_version,
            "streamversion": stream.version,
            "missing": [
                {"streamversion": row.streamversion, "type": row.type}
                for row in session.execute(
                    select(EVENTS.c.streamversion, EVENTS.c.type)
                    .where(EVENTS.c.subject == stream.subject, EVENTS.c.streamversion > stream.state_version)
                    .order_by(EVENTS.c.streamversion)
                )
            ],
        }
        for stream in streams
    ]


def is_behind(subject: SQLColumnExpression[str]) -> ColumnElement[bool]:
    """In a question: whether nothing can be recorded about that subject until an officer opens it."""
    return exists().where(STREAMS.c.subject == subject, STREAMS.c.state_version.is_not(None))


def whole_again(session: Session, subjects: Sequence[str]) -> None:
    """Their state is that of their events: there is nothing that an officer could enter again."""
    _WHOLE.write(session, [{"of_subject": subject} for subject in subjects])


def open_again(work: Work, subject: str) -> None:
    """An officer enters it again from here on, with facts of newer versions. Raises NotBehind."""
    opened = work.session.execute(
        update(STREAMS)
        .where(STREAMS.c.subject == subject, STREAMS.c.state_version.is_not(None))
        .values(state_version=None)
        .returning(STREAMS.c.subject)
    ).all()
    if not opened:
        raise NotBehind
    audit(work, "restored.enter", subject[:64])


_WHOLE = Prepared(update(STREAMS).where(STREAMS.c.subject == bindparam("of_subject")).values(state_version=None))
