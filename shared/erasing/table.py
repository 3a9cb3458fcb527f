"""The keys that erasures have doomed. A row is written with the erasure, in its transaction; the key goes after it.

To destroy a key cannot be taken back, so no transaction that may still be rolled back does it; and an erasure that is
committed names its keys here until they are gone, whenever the process ends. The rows stay: a key store that is
restored from before an erasure is told again which keys must not come back.
"""

from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, Index, String, Table, bindparam, func, select, text, update
from sqlalchemy.orm import Session

from shared.database.prepared import Prepared, upserting
from shared.outbox.table import SPINE

DOOMED, DESTROYED, GONE = "doomed", "destroyed", "gone"

DOOMED_KEYS = Table(
    "doomed_keys",
    SPINE,
    Column("key_id", String(36), primary_key=True),
    Column("since_ms", BigInteger, nullable=False),
    Column(
        "state",
        String(10),
        nullable=False,
        comment="doomed; destroyed: nobody gets it any more, its bytes may lie in a file; gone: from the files as well",
    ),
    Index(
        "keys_not_gone",
        "key_id",
        sqlite_where=text("state <> 'gone'"),
        postgresql_where=text("state <> 'gone'"),
    ),
)


def doom(session: Session, key_ids: Iterable[str], now_ms: int) -> None:
    """These keys are destroyed once the transaction stands."""
    _DOOM.write(session, [{"key_id": key, "since_ms": now_ms, "state": DOOMED} for key in sorted(set(key_ids))])


def not_gone(session: Session, at_most: int) -> dict[str, str]:
    """Keys that are not gone yet, with their state."""
    return {row.key_id: row.state for row in _NOT_GONE.all(session, at_most=at_most)}


def count_not_gone(session: Session) -> int:
    """How many keys of erased persons may still lie in a file, or in the store itself."""
    return int(_COUNT.all(session)[0].waiting)


def ever_doomed(session: Session, after: str, at_most: int) -> list[str]:
    """All that were ever doomed, in the order of their ids."""
    return [row.key_id for row in _EVER.all(session, after=after, at_most=at_most)]


def now_are(session: Session, key_ids: Iterable[str], state: str) -> None:
    _STATE.write(session, [{"of_key": key, "to_state": state} for key in sorted(key_ids)])


_DOOM = upserting(DOOMED_KEYS, ("key_id",))
_NOT_GONE = Prepared(
    select(DOOMED_KEYS.c.key_id, DOOMED_KEYS.c.state)
    .where(text("state <> 'gone'"))  # as the index says it, or it is not asked
    .order_by(DOOMED_KEYS.c.key_id)
    .limit(bindparam("at_most"))
)
_COUNT = Prepared(select(func.count().label("waiting")).select_from(DOOMED_KEYS).where(text("state <> 'gone'")))
_EVER = Prepared(
    select(DOOMED_KEYS.c.key_id)
    .where(DOOMED_KEYS.c.key_id > bindparam("after"))
    .order_by(DOOMED_KEYS.c.key_id)
    .limit(bindparam("at_most"))
)
_STATE = Prepared(
    update(DOOMED_KEYS).where(DOOMED_KEYS.c.key_id == bindparam("of_key")).values(state=bindparam("to_state"))
)
