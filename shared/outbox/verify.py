"""Walking the chains of the event log: a row that was edited, removed or moved shows.

What does not show: the end of a stream, removed together with its entry in `streams`. The copies on the bus tell.
"""

from typing import Any

import orjson
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from shared.outbox.record import CHAIN_START, chain_hash, chain_of
from shared.outbox.table import EVENTS, STREAMS

SHOWN = 100


def verify_chains(session: Session, key: bytes) -> dict[str, Any]:
    """Counts, and for each broken stream the first version that does not hold (at most 100 streams are named)."""
    expected = {row.subject: row.version for row in session.execute(select(STREAMS.c.subject, STREAMS.c.version))}
    broken: dict[str, int] = {}
    seen: dict[str, int] = {}
    heads: dict[str, bytes] = {}
    count, chain = 0, chain_of(key)
    rows = session.execute(
        select(
            EVENTS.c.id, EVENTS.c.type, EVENTS.c.subject, EVENTS.c.streamversion, EVENTS.c.payload, EVENTS.c.hash
        ).order_by(EVENTS.c.subject, EVENTS.c.streamversion),
        execution_options={"yield_per": 1000},
    )
    for row in rows:
        count += 1
        version = seen.get(row.subject, 0) + 1
        head = chain_hash(chain, heads.get(row.subject, CHAIN_START), row.payload)
        if row.streamversion != version or row.hash != head or not _says_the_same(row):
            broken.setdefault(row.subject, version)
        seen[row.subject], heads[row.subject] = row.streamversion, row.hash
    for subject, version in expected.items():
        if seen.get(subject, 0) != version:
            broken.setdefault(subject, seen.get(subject, 0) + 1)
    for subject in seen.keys() - expected.keys():
        broken.setdefault(subject, 1)
    return {
        "service_events": count,
        "streams": len(seen),
        "broken": [{"subject": subject, "streamversion": version} for subject, version in sorted(broken.items())][
            :SHOWN
        ],
    }


def _says_the_same(row: Row[*tuple[Any, ...]]) -> bool:
    """Whether the columns are those of the bytes: a whole stream under another subject has an unbroken chain."""
    told = orjson.loads(row.payload)
    return (told["id"], told["type"], told["subject"], told["streamversion"]) == (
        row.id,
        row.type,
        row.subject,
        row.streamversion,
    )
