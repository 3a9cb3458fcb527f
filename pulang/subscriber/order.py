"""What an agency does with the next event it is told (DESIGN 5 and 6), decided without a store or a network.

Within a grant each source counts a case's events from 1 without a gap, and a repeat is one at or below the version
that was taken last: `grant` + `source` + `id` without keeping any id. Events that carry no grant (operations) are
counted per source and subject in the same way.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Literal

import orjson

from shared.events.envelope import Event
from shared.events.intake import CaseErased, ConsentChanged

ERASED = CaseErased.TYPE
"""Stands outside grants and versions: the last that an agency hears of a case."""

Request = Literal["case", "identity"]
"""What a person's decision asks an agency to delete."""


class Verdict(Enum):
    """What is to be done."""

    TAKE = auto()
    REPEAT = auto()
    """It was taken already."""
    OVER = auto()
    """It belongs to a grant that has ended, or to a case that was erased."""
    END = auto()
    """The last event of a grant, at whatever version: the case is deleted."""
    ERASE = auto()
    """The case is deleted, and nothing of it is ever taken again."""
    GAP = auto()
    """Versions before it were not told."""
    UNTOLD_ENDING = auto()
    """A grant begins while the one before it is still held: its ending was not told."""


@dataclass(slots=True)
class Known:
    """What is kept of a subject: a case, a facility, a consignment."""

    grant: int = 0
    """The grant that is held, or ended last; 0 where none was ever told."""
    state: Literal["open", "ended", "erased"] = "open"
    versions: dict[str, int] = field(default_factory=dict)
    """By source: the last version taken in this grant."""
    outside: dict[str, int] = field(default_factory=dict)
    """By source: the last version taken of events that carry no grant."""

    @classmethod
    def from_text(cls, text: str | None) -> "Known":
        """As `to_text` wrote it; None where nothing was."""
        if text is None:
            return cls()
        said: dict[str, Any] = orjson.loads(text)
        return cls(said.get("grant", 0), said.get("state", "open"), said.get("versions", {}), said.get("outside", {}))

    def to_text(self) -> str:
        """JSON. Of a case whose grant has ended that is its state and the number of the grant, of an erased one its
        state, and nothing else."""
        whole = {"grant": self.grant, "state": self.state, "versions": self.versions, "outside": self.outside}
        said = {name: value for name, value in whole.items() if value}
        return orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()

    def note(self, event: Event, verdict: Verdict) -> None:
        """Remember what was done. Repeats, and what is over, leave no trace."""
        if verdict is Verdict.ERASE:
            self.grant, self.state, self.versions, self.outside = 0, "erased", {}, {}
        elif verdict is Verdict.END:
            self.end(event.grant or 0)
        elif verdict is Verdict.TAKE and event.grant is None:
            self.outside[event.source] = event.streamversion
        elif verdict is Verdict.TAKE:
            if event.grant != self.grant:
                self.grant, self.state, self.versions = event.grant or 0, "open", {}
            self.versions[event.source] = event.streamversion

    def end(self, grant: int) -> None:
        """The grant of that number, and those before it, are over."""
        self.grant, self.state, self.versions = grant, "ended", {}


def request_of(event: Event) -> Request | None:
    """What the event asks to delete. What a newer Pulang asks for in other words is not known here: None."""
    if event.type == ERASED:
        return "case"
    asked = (event.data or {}).get("deletion_requested") if event.type == ConsentChanged.TYPE else None
    return asked if asked in ("case", "identity") else None


def judge(event: Event, known: Known, *, gapless: bool) -> Verdict:
    """`known`: of the event's subject. `gapless`: whether every version is told; not where types are filtered."""
    if event.type == ERASED:
        return Verdict.ERASE if known.state != "erased" else Verdict.OVER
    if known.state == "erased":
        return Verdict.OVER
    if event.grant is None:
        return _next(event, known.outside.get(event.source, 0), gapless)
    if event.grant < known.grant or (event.grant == known.grant and known.state == "ended"):
        return Verdict.OVER
    if event.grant > known.grant and known.grant and known.state == "open":
        return Verdict.UNTOLD_ENDING
    if request_of(event) == "case":
        return Verdict.END
    return _next(event, known.versions.get(event.source, 0) if event.grant == known.grant else 0, gapless)


def _next(event: Event, last: int, gapless: bool) -> Verdict:
    if event.streamversion <= last:
        return Verdict.REPEAT
    return Verdict.GAP if gapless and event.streamversion != last + 1 else Verdict.TAKE
