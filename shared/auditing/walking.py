"""Walking an audit chain: which rows were edited, removed, added or moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from shared.security.audit import AUDIT, START, sealed

What = Literal["edited", "removed", "added", "moved"]
MOST_SUSPECTS = 200
"""Rows that do not fit which are looked at closely; of more it is only said that they do not fit."""
FURTHEST_SHIFT = 50
"""Rows removed or added in one place, at most, where what follows was numbered anew."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not hold, at these numbers."""

    what: What
    number: int
    until: int
    stands_at: int | None = None
    """Of what was moved: where it is now."""
    renumbered: bool = False
    """What was removed or added, where all that follows took other numbers."""


@dataclass(frozen=True, slots=True)
class Unsealed:
    """Rows that wait to be chained, and since when the first of them does; milliseconds since 1970 UTC."""

    rows: int
    since_ms: int | None


@dataclass(frozen=True, slots=True)
class Walked:
    """What the walk found. `last`: the number of the last row; 0 where there is none."""

    rows: int
    last: int
    findings: Sequence[Finding]
    unsealed: Unsealed


@dataclass(slots=True)
class _Suspect:
    number: int
    before: bytes
    """The hash that stands at the number before."""
    row: Any


@dataclass(slots=True)
class _Walk:
    key: bytes
    findings: list[Finding] = field(default_factory=list)
    suspects: list[_Suspect] = field(default_factory=list)
    beyond: list[int] = field(default_factory=list)
    """First and last number of those that were one suspect too many."""
    shift: int = 0
    """By how much numbers are too small from here on."""
    last: int = 0
    head: bytes | None = START
    """Hash of the row before; None behind a hole."""

    def take(self, row: Any) -> None:
        """The next row, by number."""
        if not isinstance(row.number, int) or row.number < 1:
            at = row.number if isinstance(row.number, int) else self.last + 1
            self.findings.append(Finding("added", at, at))
            return
        if row.number > self.last + 1:
            self.findings.append(Finding("removed", self.last + 1, row.number - 1))
            self.head = None
        if self.head is not None and not self._fits(row, self.shift):
            self._suspect(row, self.head)
        self.head, self.last = _stored(row), row.number

    def _suspect(self, row: Any, before: bytes) -> None:
        if len(self.suspects) >= MOST_SUSPECTS:
            self.beyond = [self.beyond[0] if self.beyond else row.number, row.number]
            return
        for by in range(1, FURTHEST_SHIFT + 1):
            for shift in (self.shift + by, self.shift - by):
                if self._fits(row, shift):
                    self._shifted(row.number, shift - self.shift)
                    self.shift = shift
                    return
        self.suspects.append(_Suspect(row.number, before, row))

    def _fits(self, row: Any, shift: int) -> bool:
        if self.head is None:
            return False
        hashed = _hashed(self.key, self.head, row, row.number + shift)
        return hashed is not None and hashed == row.hash

    def _shifted(self, number: int, by: int) -> None:
        """From here on all numbers are too small, or too large: the rows before explain it, and are no suspects."""
        first = number - 1 - max(0, -by)
        self.suspects = [one for one in self.suspects if not first <= one.number < number]
        if by > 0:
            self.findings.append(Finding("removed", first, first + by - 1, renumbered=True))
        else:
            self.findings.append(Finding("added", first, first - by - 1, renumbered=True))

    def explain(self) -> None:
        """What became of the rows that do not fit: whether the one that does stands somewhere else."""
        hashes = {_stored(one.row) for one in self.suspects}
        known, guessed = dict[int, bytes](), dict[int, bytes]()
        for one in self.suspects:
            before = [known[one.number - 1]] if one.number - 1 in known else [one.before]
            before += [guessed[one.number - 1]] if one.number - 1 in guessed else []
            if _stored(one.row) in [_hashed(self.key, head, one.row, one.number) for head in before]:
                known[one.number] = one.row.hash
                continue  # only what stands before it is wrong
            for other in self.suspects:
                hashed = _hashed(self.key, before[0], other.row, one.number)
                if other is not one and hashed is not None and hashed in hashes:
                    known[one.number] = hashed
                    self.findings.append(Finding("moved", one.number, one.number, other.number))
                    break
            else:
                # Where its hash alone was edited, the next row still fits behind the one that it had.
                guessed[one.number] = _hashed(self.key, before[0], one.row, one.number) or b""
                self.findings.append(Finding("edited", one.number, one.number))
        if self.beyond:
            self.findings.append(Finding("edited", self.beyond[0], self.beyond[-1]))


def _stored(row: Any) -> bytes:
    """Whatever somebody may have put there."""
    return row.hash if isinstance(row.hash, bytes) else b""


def _hashed(key: bytes, before: bytes, row: Any, number: int) -> bytes | None:
    try:
        return sealed(key, before, row, number)
    except TypeError:  # something that no column of ours holds
        return None


def walk(session: Session, key: bytes) -> Walked:
    """The whole chain over one snapshot; what is found, in the order of the numbers."""
    walking, count = _Walk(key), 0
    rows = session.execute(
        select(AUDIT).where(AUDIT.c.number.is_not(None)).order_by(AUDIT.c.number), execution_options={"yield_per": 1000}
    )
    for row in rows:
        count += 1
        walking.take(row)
    walking.explain()
    waiting: Row[*tuple[Any, ...]] = session.execute(
        select(func.count().label("rows"), func.min(AUDIT.c.at_ms).label("since")).where(AUDIT.c.number.is_(None))
    ).one()
    return Walked(
        rows=count,
        last=walking.last,
        findings=sorted(walking.findings, key=lambda one: one.number),
        unsealed=Unsealed(waiting.rows, waiting.since),
    )


def hashes_at(session: Session, numbers: Sequence[int]) -> Mapping[int, bytes]:
    """The hash of each of these rows that there is."""
    found = session.execute(select(AUDIT.c.number, AUDIT.c.hash).where(AUDIT.c.number.in_(numbers)))
    return {row.number: bytes(row.hash) for row in found}
