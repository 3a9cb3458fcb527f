"""An audit log held against its heads on the bus: only there it shows that a chain was cut off, or forged anew."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.auditing.heads import HEADS, START, Head
from shared.auditing.reading import Stood, forwards
from shared.auditing.spans import Spans, spans_of
from shared.auditing.walking import Walked, hashes_at, walk
from shared.bus.protocol import Bus, BusUnavailable
from shared.database.protocol import Database
from shared.events.envelope import rfc3339
from shared.security.audit import AUDIT
from shared.security.secrets import Secrets

SHOWN = 100
"""Findings that are told at most."""
MOST_KEPT = 100_000
"""Heads that do not agree, of which each is remembered."""


@dataclass(frozen=True, slots=True)
class _Disagreement:
    """A head whose row has another hash, or is not `there`. `behind`: the number of the last one that agreed."""

    head: Head
    behind: int
    there: bool


@dataclass(slots=True)
class _Compared:
    """The heads on the bus, beside what the database has."""

    seen: Spans = field(default_factory=Spans)
    repeated: set[int] = field(default_factory=set)
    others: dict[int, dict[bytes, bool]] = field(default_factory=lambda: defaultdict(dict))
    """Heads that the database has not, by sequence and seal, and whether their row agrees."""
    disagreements: list[_Disagreement] = field(default_factory=list)
    foreign: list[int] = field(default_factory=list)
    """Offsets of what was not sealed with the service's key."""
    apart: list[int] = field(default_factory=list)
    """Sequences of heads that do not name the one before."""
    restores: list[Head] = field(default_factory=list)
    own: set[int] = field(default_factory=set)
    """Those of `others` that the database has under another seal."""
    behind: int = 0
    last: Head | None = None
    last_seal: bytes = START

    def take(self, head: Head, seal: bytes, own: bytes | None, row: bytes | None) -> None:
        """The next head, with the seal that the database has for its sequence, and the hash of its row."""
        if not self.seen.add(head.sequence):
            self.repeated.add(head.sequence)
        agrees = row == head.hash
        if own != seal and len(self.others) < MOST_KEPT:
            self.others[head.sequence][seal] = agrees
            if own is not None:
                self.own.add(head.sequence)
        if agrees:
            self.behind = max(self.behind, head.number)
        elif len(self.disagreements) < MOST_KEPT:
            self.disagreements.append(_Disagreement(head, self.behind, row is not None))
        if head.resumes is not None:
            self.restores.append(head)
        follows = head.sequence == (1 if self.last is None else self.last.sequence + 1)
        if follows and head.previous != self.last_seal:
            self.apart.append(head.sequence)
        if self.last is None or head.sequence > self.last.sequence:
            self.last, self.last_seal = head, seal

    def excuses(self, sequence: int) -> bool:
        """Whether a restore was told that made an end of it."""
        return any((one.resumes or 0) < sequence < one.sequence for one in self.restores)


async def judge(service: str, database: Database, bus: Bus, secrets: Secrets) -> dict[str, Any]:
    """What stands, what waits, and what does not hold; `docs/operating.md` tells what each finding means.

    `heads` is None where the bus does not answer: then nothing was compared. Raises DatabaseUnavailable.
    """
    # Before the topic is read: what is published meanwhile would be missed there.
    told = await database.read(_published)
    compared: _Compared | None = _Compared()
    try:
        async for stood in forwards(bus, service, secrets.heads):
            await _compare(compared, stood, service, database, secrets.heads)  # type: ignore[arg-type]
    except BusUnavailable:
        compared = None
    walked = await database.study(partial(walk, key=secrets.audit))
    last = compared.last if compared is not None else None
    found = list(_in_chain(walked)) + (list(_against_heads(walked, compared, told)) if compared is not None else [])
    return {
        "service": service,
        "rows": walked.rows + walked.unsealed.rows,
        "unsealed": _waiting(walked.unsealed.rows, walked.unsealed.since_ms),
        "unpublished": await database.read(partial(_behind, number=last.number if last else 0)),
        "heads": None if compared is None else {"number": last.number if last else 0} | _at(last),
        "restores": [
            {"number": (one.kept or 0) + 1, "until": one.lost} | _at(one)
            for one in (compared.restores if compared else [])
        ],
        "findings": found[:SHOWN],
    }


async def _compare(compared: _Compared, stood: Sequence[Stood], service: str, database: Database, key: bytes) -> None:
    heads = [one.head for one in stood if one.head is not None]
    compared.foreign += [one.offset for one in stood if one.head is None][: SHOWN - len(compared.foreign)]
    if not heads:
        return

    def look(session: Session) -> tuple[Mapping[int, bytes], Mapping[int, bytes]]:
        sequences = [head.sequence for head in heads]
        own = session.execute(select(HEADS.c.sequence, HEADS.c.seal).where(HEADS.c.sequence.in_(sequences)))
        return {row.sequence: bytes(row.seal) for row in own}, hashes_at(session, [head.number for head in heads])

    own, rows = await database.read(look)
    for head in heads:
        compared.take(head, head.seal(key, service), own.get(head.sequence), rows.get(head.number))


def _in_chain(walked: Walked) -> Iterator[dict[str, Any]]:
    for one in walked.findings:
        moved = {} if one.stands_at is None else {"stands_at": one.stands_at}
        yield {"what": one.what, "number": one.number, "until": one.until} | moved


def _against_heads(walked: Walked, compared: _Compared, told: int) -> Iterator[dict[str, Any]]:
    known = Spans()
    for one in walked.findings:
        for number in range(one.number, min(one.until, one.number + MOST_KEPT) + 1):
            known.add(number)
    against = [one for one in compared.disagreements if not compared.excuses(one.head.sequence)]
    if any(one.renumbered for one in walked.findings):
        against = []  # no number behind it is what it was
    cut = [one.head for one in against if not one.there and one.head.number > walked.last]
    other = [one for one in against if one.there and one.head.number not in known]
    if other:
        # The first head that disagrees tells since when; the last one, up to where at least.
        first, last = (
            min(min(one.behind, one.head.number - 1) for one in other) + 1,
            max(one.head.number for one in other),
        )
        yield {"what": "rewritten", "number": first, "until": last} | _at(other[0].head)
    if cut:
        furthest = max(cut, key=lambda head: head.number)
        yield {"what": "cut_off", "number": walked.last + 1, "until": furthest.number} | _at(furthest)
    strange = {one: seals for one, seals in compared.others.items() if not compared.excuses(one)}
    twice = [
        one for one, seals in strange.items() if len(seals) > 1 or (one in compared.own and one in compared.repeated)
    ]
    unknown = [one for one, seals in strange.items() if all(seals.values()) and one not in twice]
    missing = [
        one
        for first, last in compared.seen.missing(max(told, compared.last.sequence if compared.last else 0))
        for one in range(first, min(last, first + MOST_KEPT) + 1)
        if not compared.excuses(one)
    ]
    for what, sequences in (
        ("head_twice", twice),
        ("head_unknown", unknown),
        ("head_missing", missing),
        ("head_apart", compared.apart),
        ("head_forged", compared.foreign),
    ):
        for first, last in spans_of(sequences):
            yield {"what": what, "number": first, "until": last}


def _published(session: Session) -> int:
    """The last head that the bus is known to have."""
    return session.execute(select(func.max(HEADS.c.sequence)).where(HEADS.c.published)).scalar_one() or 0


def _behind(session: Session, number: int) -> dict[str, Any]:
    """What is chained, and stands on the bus in no head yet."""
    waiting = select(func.count().label("rows"), func.min(AUDIT.c.at_ms).label("since"))
    row = session.execute(waiting.where(AUDIT.c.number > number)).one()
    return _waiting(row.rows, row.since)


def _waiting(rows: int, since_ms: int | None) -> dict[str, Any]:
    return {"rows": rows} | ({} if since_ms is None else {"since": _moment(since_ms)})


def _at(head: Head | None) -> dict[str, str]:
    return {} if head is None else {"at": _moment(head.at_ms)}


def _moment(at_ms: int) -> str:
    return rfc3339(datetime.fromtimestamp(at_ms / 1000, UTC))
