"""After a restore: heads were published that the database knows nothing of. Noticed, and told for good.

The chain goes on from what the backup held. That a part of it is gone is entered in the log, and published as a head of
its own, which excuses the heads that lead nowhere now: so it shows for ever, and is nobody's accusation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.orm import Session

from shared.auditing.heads import HEADS, Head, mark_published, put_head, record_of, unpublished
from shared.auditing.reading import backwards
from shared.bus.protocol import Bus
from shared.database.prepared import Prepared
from shared.database.protocol import Database
from shared.security.audit import AUDIT, CHAINED_AT_ONCE, chain_rows, entry_of
from shared.security.secrets import Secrets
from shared.security.tokens import Caller
from shared.times import utc_now

FURTHEST = 50_000
"""Records that are looked through at most when a service starts; `pulang audit verify` reads all."""
OPERATOR = Caller(
    subject="restore-check",
    agency="pulang",
    roles=frozenset(),
    facilities=frozenset(),
    permissions=frozenset(),
    expires_at=datetime.max,  # noqa: DTZ901
    token_id="",
)
"""Who enters it: whoever has the database's credentials, of whom no more is known."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What stood in the log behind number `kept`, up to `number`, is gone with a restore, or stands there no more."""

    kept: int
    number: int


async def heads_are_lacking(bus: Bus, database: Database, service: str, key: bytes) -> bool:
    """Whether one of the last heads on the bus is none of the database's. Raises UnknownTopic, BusUnavailable."""
    async for heads in backwards(bus, service, key, FURTHEST):
        if heads:
            return bool(await database.read(lambda session: _lacking(session, heads, service, key)))  # noqa: B023
    return False


async def record_loss(bus: Bus, database: Database, service: str, secrets: Secrets) -> Lost | None:
    """Enter in the log that a part of it is gone, and publish it; None where nothing is.

    For an operator's command, while nothing of the service runs. What is entered already is not entered again; what
    ended half-way is published when the service starts. Raises UnknownTopic, BusUnavailable, DatabaseUnavailable.
    """
    key, lacking, newest = secrets.heads, list[Head](), list[Head]()
    async for heads in backwards(bus, service, key):
        newest = newest or heads
        some = await database.read(lambda session: _lacking(session, heads, service, key))  # noqa: B023
        lacking = some + lacking
        if heads and len(some) < len(heads):
            break
    if not lacking:
        return None
    last, now = max(newest, key=lambda head: head.sequence), utc_now()
    lost = await database.write(lambda session: _enter(session, service, secrets, lacking, last, now))
    heads = await database.read(unpublished)
    await bus.publish([record_of(head, service, head.seal(key, service)) for head in heads])
    await database.write(lambda session: mark_published(session, heads))
    return lost


def _enter(
    session: Session, service: str, secrets: Secrets, lacking: Sequence[Head], last: Head, now: datetime
) -> Lost:
    resumes = min(head.sequence for head in lacking) - 1
    before = session.execute(select(HEADS.c.number).where(HEADS.c.sequence == resumes)).one_or_none()
    newest = session.execute(select(func.max(HEADS.c.sequence))).scalar_one() or 0
    lost = Lost(kept=0 if before is None else before.number, number=max(head.number for head in lacking))
    session.execute(insert(AUDIT).values(entry_of(OPERATOR, now, "audit.restored", f"{lost.kept + 1}-{lost.number}")))
    while chain_rows(session, secrets.audit) == CHAINED_AT_ONCE:
        pass
    top = session.execute(
        select(AUDIT.c.number, AUDIT.c.hash).where(AUDIT.c.number.is_not(None)).order_by(AUDIT.c.number.desc()).limit(1)
    ).one()
    told = Head(
        sequence=max(last.sequence, newest) + 1,
        number=top.number,
        hash=top.hash,
        rows=max(0, top.number - lost.kept),
        at_ms=int(now.timestamp() * 1000),
        previous=last.seal(secrets.heads, service),
        resumes=resumes,
        kept=lost.kept,
        lost=lost.number,
    )
    put_head(session, secrets.heads, service, told)
    return lost


def _lacking(session: Session, heads: Sequence[Head], service: str, key: bytes) -> list[Head]:
    """Those that the database has not, and that no restore it knows of has excused."""
    known = {bytes(row.seal) for row in _KNOWN.all(session, of_sequences=sorted({head.sequence for head in heads}))}
    excused = _EXCUSED.all(session)
    return [
        head
        for head in heads
        if head.seal(key, service) not in known
        and not any(one.resumes < head.sequence < one.sequence for one in excused)
    ]


_KNOWN = Prepared(select(HEADS.c.seal).where(HEADS.c.sequence.in_(bindparam("of_sequences", expanding=True))))
_EXCUSED = Prepared(select(HEADS.c.sequence, HEADS.c.resumes).where(HEADS.c.resumes.is_not(None)))
