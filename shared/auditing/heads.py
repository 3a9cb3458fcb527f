"""What is published of a service's audit chain: its head, now and then, each sealed and behind the one before.

Whoever can write to the database could cut the chain's end off, or, with the key, forge a whole chain anew. A head that
stands on the bus as well, where nothing is ever taken back, shows either (decision 20).
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, bindparam, select, text, update
from sqlalchemy.orm import Session

from shared.bus.protocol import Record, Topic
from shared.database.prepared import Prepared
from shared.outbox.table import SPINE
from shared.security.audit import AUDIT, CHAINED_AT_ONCE, chain
from shared.work import Work

AUDIT_TOPIC = Topic("pulang.audit", partitions=1)
"""For operators; kept for ever, and not compacted: an old head proves an old chain."""
AT_ONCE = 500

HEADS = Table(
    "audit_heads",
    SPINE,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False, comment="of the audit row that was the last one then; 0: there was none"),
    Column("hash", LargeBinary, nullable=False, comment="of that row"),
    Column("rows", Integer, nullable=False, comment="how many since the head before"),
    Column("at_ms", BigInteger, nullable=False),
    Column("previous", LargeBinary, nullable=False, comment="seal of the head before"),
    Column("seal", LargeBinary, nullable=False, comment="keyed, over all of this and the service's name"),
    Column("resumes", Integer, nullable=True, comment="after a restore: the head that the chain goes on from"),
    Column("kept", Integer, nullable=True, comment="after a restore: that head's number"),
    Column("lost", Integer, nullable=True, comment="after a restore: the last number that was published and is gone"),
    Column("published", Boolean, nullable=False),
    Index(
        "audit_heads_unpublished",
        "sequence",
        sqlite_where=text("published = 0"),
        postgresql_where=text("NOT published"),
    ),
)
"""Only ever appended to, but for `published`."""

START = bytes(32)
_FIELDS = ("sequence", "number", "hash", "rows", "at_ms", "previous", "resumes", "kept", "lost")


@dataclass(frozen=True, slots=True)
class Head:
    """The chain as it was at a moment. `resumes`, `kept`, `lost`: only where a restore is told (see HEADS)."""

    sequence: int
    number: int
    hash: bytes
    rows: int
    at_ms: int
    previous: bytes
    resumes: int | None = None
    kept: int | None = None
    lost: int | None = None

    def seal(self, key: bytes, service: str) -> bytes:
        """Over everything that it says."""
        return hmac.digest(key, orjson.dumps([service, *_plain(self).values()]), "sha256")

    def to_bytes(self, service: str, seal: bytes) -> bytes:
        """As it stands on the bus: JSON, hashes in hexadecimal."""
        return orjson.dumps({"service": service, **_plain(self), "seal": seal.hex()})


def read_head(value: bytes, key: bytes, service: str) -> Head | None:
    """A head of this service; None for whatever is not, or was not sealed with its key."""
    try:
        said = orjson.loads(value)
        texts = {name: bytes.fromhex(said[name]) for name in ("hash", "previous", "seal")}
        numbers = {name: said[name] for name in ("sequence", "number", "rows", "at_ms")}
        restored = {name: said.get(name) for name in ("resumes", "kept", "lost")}
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if not all(type(one) is int for one in numbers.values()):
        return None
    if not all(one is None or type(one) is int for one in restored.values()):
        return None
    head = Head(hash=texts["hash"], previous=texts["previous"], **numbers, **restored)
    return head if hmac.compare_digest(texts["seal"], head.seal(key, service)) else None


def head_of(row: Any) -> Head:
    """A row of HEADS."""
    return Head(**{name: getattr(row, name) for name in _FIELDS})


def record_of(head: Head, service: str, seal: bytes) -> Record:
    """A head as it is published, under its service's name."""
    value = head.to_bytes(service, seal)
    return Record(AUDIT_TOPIC.name, service, value, head.at_ms, (("content-type", b"application/json"),))


def chain_and_head(work: Work) -> bool:
    """Chain what waits, and note the head where none waits to be published; whether more waits to be chained.

    Raises what `chain` raises: of two at once one is run again.
    """
    chained = chain(work)
    note_head(work)
    return chained == CHAINED_AT_ONCE


def note_head(work: Work) -> None:
    """The chain's head, to be published; nothing where the last one waits still, or says it already.

    So however long the bus is away there is one that waits, and the next one tells all that came meanwhile.
    """
    last = _LAST.first(work.session)
    top = _TOP.first(work.session)
    if top is None or (last is not None and (not last.published or last.hash == top.hash)):
        return
    before = 0 if last is None else last.number
    put_head(
        work.session,
        work.secrets.heads,
        work.service,
        Head(
            sequence=1 if last is None else last.sequence + 1,
            number=top.number,
            hash=top.hash,
            rows=max(0, top.number - before),
            at_ms=int(work.now.timestamp() * 1000),
            previous=START if last is None else last.seal,
        ),
    )


def put_head(session: Session, key: bytes, service: str, head: Head) -> None:
    """To be published."""
    row = {name: getattr(head, name) for name in _FIELDS}
    session.execute(HEADS.insert().values(**row, seal=head.seal(key, service), published=False))


def unpublished(session: Session) -> list[Head]:
    """What waits for the bus, oldest first."""
    return [head_of(row) for row in _UNPUBLISHED.all(session)]


def published(work: Work, heads: Sequence[Head]) -> None:
    """The bus has them; the next one may be noted."""
    mark_published(work.session, heads)
    note_head(work)


def mark_published(session: Session, heads: Sequence[Head]) -> None:
    """The bus has them."""
    _PUBLISHED.write(session, [{"of_sequence": head.sequence} for head in heads])


def page(session: Session, after: int) -> list[tuple[Head, bytes]]:
    """The next heads that were published, with their seals: of the database's own record."""
    return [(head_of(row), bytes(row.seal)) for row in _PAGE.all(session, after=after)]


def _plain(head: Head) -> dict[str, Any]:
    values = {name: getattr(head, name) for name in _FIELDS}
    said = {name: one.hex() if isinstance(one, bytes) else one for name, one in values.items()}
    return {name: one for name, one in said.items() if one is not None}


def _last(dialect: str) -> Any:
    last = select(HEADS).order_by(HEADS.c.sequence.desc()).limit(1)
    return last.with_for_update() if dialect == "postgresql" else last


_LAST = Prepared(_last)
_TOP = Prepared(
    select(AUDIT.c.number, AUDIT.c.hash).where(AUDIT.c.number.is_not(None)).order_by(AUDIT.c.number.desc()).limit(1)
)
_UNPUBLISHED = Prepared(select(HEADS).where(~HEADS.c.published).order_by(HEADS.c.sequence).limit(AT_ONCE))
_PAGE = Prepared(
    select(HEADS)
    .where(HEADS.c.published, HEADS.c.sequence > bindparam("after"))
    .order_by(HEADS.c.sequence)
    .limit(AT_ONCE)
)
_PUBLISHED = Prepared(update(HEADS).where(HEADS.c.sequence == bindparam("of_sequence")).values(published=True))
