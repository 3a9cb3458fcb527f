"""Who did what with whose data, and why. Written in the caller's transaction; chained afterwards by the relay.

A chain head in every transaction would queue all writers, so rows wait unchained for at most a second.
"""

import hmac
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    bindparam,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from shared.database.prepared import Prepared
from shared.outbox.table import SPINE, Position
from shared.security.tokens import Caller
from shared.work import Work

AUDIT = Table(
    "audit",
    SPINE,
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", String(256), nullable=False),
    Column("agency", String(64), nullable=False),
    Column("roles", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("purpose", String(40), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("number", Integer, unique=True, nullable=True, comment="place in the chain; none until it is chained"),
    Column("hash", LargeBinary, nullable=True, comment="keyed, over the row and the hash before it"),
    Index("audit_unchained", "position", sqlite_where=text("number IS NULL"), postgresql_where=text("number IS NULL")),
    Index("audit_by_subject", "subject", "number"),
    Index("audit_by_actor", "actor", "at_ms"),
    sqlite_autoincrement=True,
)

_UNCHAINED = Prepared(select(AUDIT.c.position).where(AUDIT.c.number.is_(None)).limit(1))
_CHAIN = Prepared(
    update(AUDIT)
    .where(AUDIT.c.position == bindparam("at_position"))
    .values(number=bindparam("to_number"), hash=bindparam("to_hash"))
)
START = bytes(32)
NOTHING_KNOWN = "unknown"
"""Stands for a subject that somebody named and that there is not: it may be any text, a name even."""
CHAINED_AT_ONCE = 1000


def audit(work: Work, action: str, subject: str, *, purpose: str = "", outcome: str = "done") -> None:
    """Note an act of the caller. `subject` is an id; nothing here is free text."""
    work.put(AUDIT, entry_of(work.caller, work.now, action, subject, purpose=purpose, outcome=outcome))


def entry_of(
    caller: Caller, now: datetime, action: str, subject: str, *, purpose: str = "", outcome: str = "done"
) -> dict[str, Any]:
    """The row of an act."""
    return {
        "at_ms": int(now.timestamp() * 1000),
        "actor": caller.subject,
        "agency": caller.agency,
        "roles": ",".join(sorted(caller.roles)),
        "action": action,
        "subject": subject,
        "purpose": purpose,
        "outcome": outcome,
    }


def unchained(session: Session) -> bool:
    return _UNCHAINED.first(session) is not None


def chain(work: Work) -> int:
    """Give the waiting rows their number and hash, in order; how many.

    The leased relay does so. While the lease changes hands there may be two: a number is given once, so whoever comes
    second is run again.
    """
    return chain_rows(work.session, work.secrets.audit)


def chain_rows(session: Session, key: bytes) -> int:
    """As `chain`, for whoever has the key."""
    last = session.execute(
        select(AUDIT.c.number, AUDIT.c.hash).where(AUDIT.c.number.is_not(None)).order_by(AUDIT.c.number.desc()).limit(1)
    ).one_or_none()
    number, head = (last.number, last.hash) if last is not None else (0, START)
    rows = session.execute(
        select(AUDIT).where(AUDIT.c.number.is_(None)).order_by(AUDIT.c.position).limit(CHAINED_AT_ONCE)
    ).all()
    chained = []
    for row in rows:
        number += 1
        head = sealed(key, head, row, number)
        chained.append({"at_position": row.position, "to_number": number, "to_hash": head})
    _CHAIN.write(session, chained)
    return len(rows)


def sealed(key: bytes, head: bytes, row: object, number: int) -> bytes:
    """The hash of a row at that place of the chain, behind the one with that hash."""
    return hmac.digest(key, head + _content(row, number), "sha256")


def _content(row: object, number: int) -> bytes:
    fields = ("at_ms", "actor", "agency", "roles", "action", "subject", "purpose", "outcome")
    return orjson.dumps([number, *(getattr(row, name) for name in fields)])
