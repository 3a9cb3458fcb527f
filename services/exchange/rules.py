"""Grants (DESIGN 6): which rows the log of each agency gets, and with which levels a row is disclosed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.exchange.disclosure import Level
from shared.codes import ConsentLevel
from shared.events.catalogue import FACTS
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE, OPERATIONS
from shared.events.intake import CaseErased, ConsentChanged

OPERATIONS_STREAMS = frozenset(
    {"manifest", "facility", "occupancy", "donation", "request", "shipment", "stock", "agency"},
)
"""The streams of operations (DESIGN 5): a newer publisher's type of one of them is no case event."""
NO_GRANT = 0
"""Operations carry none, nor does the erasure of a case."""


def topic_of(event_type: str) -> str:
    """Which of the services' topics a type belongs to."""
    fact = FACTS.get(event_type)
    if fact is not None:
        return fact.TOPIC
    words = event_type.split(".")
    return OPERATIONS if len(words) > 1 and words[1] in OPERATIONS_STREAMS else LIFECYCLE


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds between a case and an agency. `grant`: the last one that began, 0 before the first."""

    level: ConsentLevel = "none"
    grant: int = 0
    erased: bool = False
    """The person was erased: whatever else is said, nothing of the case is disclosed any more but that."""


NOTHING = Standing()


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A row of an agency's log: in which grant, which stored event."""

    agency: str
    grant: int
    event: int


@dataclass(frozen=True, slots=True)
class Step:
    """What one consent event changed between a case and an agency. `grant`: the one that it began, ended or is in."""

    event: int
    case: str
    agency: str
    level_before: ConsentLevel
    level_after: ConsentLevel
    grant: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """An agency that had something of the case has to delete it for good."""

    event: int
    case: str
    agency: str


class LogFold:
    """Folds stored events, in their order, into rows of the agencies' logs.

    A grant begins when a level rises from `none`: the case's history so far goes into the log in stored order, the
    change itself after it. The change that ends a grant is its last row. An erasure ends all of them: each agency that
    ever had one is told, and nothing that comes later goes into any log.
    """

    def __init__(
        self,
        agencies: Iterable[str],
        standings: Mapping[tuple[str, str], Standing],
        histories: Mapping[str, Sequence[int]] | None = None,
        erased: Collection[str] = (),
    ) -> None:
        """`standings` by case and agency; `histories`: positions by case, of the cases whose consent may change.
        `erased`: cases that are known to be erased, whether or not that has been heard again since a restore.

        Without histories the fold begins at the first event there is, and remembers every case's.
        """
        self._agencies = sorted(agencies)
        self._live: dict[str, dict[str, int]] = {}
        self._standings = dict(standings)
        self._histories = {case: list(positions) for case, positions in (histories or {}).items()}
        self._from_start = histories is None
        self._erased = set(erased)
        self.newly_erased: set[str] = set()
        self.entries: list[LogEntry] = []
        self.steps: list[Step] = []
        self.erasures: list[Erasure] = []
        self.changed: dict[tuple[str, str], Standing] = {}
        for (case, agency), standing in standings.items():
            if standing.level != "none" and agency in self._agencies:
                self._live.setdefault(case, {})[agency] = standing.grant

    def take(self, position: int, event: Event) -> None:
        """The next stored event. Raises pydantic.ValidationError for a change of consent that cannot be read."""
        if topic_of(event.type) == OPERATIONS:
            self.entries += [LogEntry(agency, NO_GRANT, position) for agency in self._agencies]
            return
        case = event.subject
        if event.type == ConsentChanged.TYPE:
            self._change(position, case, ConsentChanged.model_validate(event.data or {}))
        elif event.type == CaseErased.TYPE:
            self._erase(position, case)
        else:
            self.entries += [LogEntry(agency, grant, position) for agency, grant in self._live.get(case, {}).items()]
        if self._from_start:
            self._histories.setdefault(case, []).append(position)
        elif case in self._histories:
            self._histories[case].append(position)

    def _change(self, position: int, case: str, fact: ConsentChanged) -> None:
        decided = {decision.agency: decision.level for decision in fact.decisions}
        live = self._live.setdefault(case, {})
        for agency in self._agencies:
            if agency not in decided:
                if agency in live:
                    self.entries.append(LogEntry(agency, live[agency], position))
                continue
            before = self._standings.get((case, agency), NOTHING)
            after = decided[agency]
            if before.level == after == "none":
                continue
            grant = before.grant
            if before.level == "none":
                grant += 1
                live[agency] = grant
                self.entries += [LogEntry(agency, grant, earlier) for earlier in self._histories.get(case, ())]
            elif after == "none":
                del live[agency]
            self.entries.append(LogEntry(agency, grant, position))
            self.steps.append(Step(position, case, agency, before.level, after, grant))
            standing = Standing(after, grant, case in self._erased)
            self.changed[case, agency] = self._standings[case, agency] = standing

    def _erase(self, position: int, case: str) -> None:
        self._live.pop(case, None)
        self._erased.add(case)
        self.newly_erased.add(case)
        for agency in self._agencies:
            before = self._standings.get((case, agency), NOTHING)
            if before.grant == 0:
                continue
            self.entries.append(LogEntry(agency, NO_GRANT, position))
            self.erasures.append(Erasure(position, case, agency))
            self.changed[case, agency] = self._standings[case, agency] = Standing("none", before.grant, erased=True)


def levels_at_sending(grant: int, now: Standing, step: Step | None) -> tuple[Level, Level]:
    """The levels with which a row of a log is disclosed now.

    Of a grant that is over there is the ending alone, with its request to delete. In one that is live, a change of
    consent has the levels around it; everything else, and an ending of an earlier grant, the level of now. Of a person
    who was erased there is no level at all; that they were, which stands outside of grants, is disclosed at any.
    """
    if now.erased:
        return "none", "none"
    if grant == NO_GRANT:
        return "public", "public"
    if now.level == "none" or now.grant != grant:
        if step is not None and step.level_after == "none" and step.grant == grant:
            return step.level_before, "none"
        return "none", "none"
    if step is not None and step.level_after != "none":
        return step.level_before, step.level_after
    return now.level, now.level
