"""An agency's log as DESIGN 6 has it, slow and obvious: what happened, what the agency may be told of it now, and what
stood on its topic at the time."""

import random
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from pulang.subscriber.order import ERASED
from shared.events.envelope import Event
from shared.events.intake import ConsentChanged

SOURCES = ("/pulang/intake", "/pulang/shelter", "/pulang/aid")
MOMENT = "2026-11-03T05:00:00.000000Z"
TYPE_OF = {
    "/pulang/intake": "pulang.case.screened.v1",
    "/pulang/shelter": "pulang.stay.planned.v1",
    "/pulang/aid": "pulang.something.new.v1",
}
DATA_OF: dict[str, dict[str, Any]] = {
    "/pulang/intake": {"trafficking_status": "NotAVictimOfTrafficking", "decided_by": "NGO", "of_tomorrow": 1},
}


@dataclass
class Case:
    """What happened to a person, and what holds between them and the agency."""

    history: list[Event] = field(default_factory=list)
    grant: int = 0
    level: str = "none"
    erased: bool = False


class Telling:
    """`log`: rows as (event, grant, level before, level after); what a row shows is decided when it is read."""

    def __init__(self) -> None:
        self.cases: dict[str, Case] = defaultdict(Case)
        self.log: list[Event] = []
        self.topic: list[Event] = []
        self._versions: dict[tuple[str, str], int] = defaultdict(int)

    def happens(self, case: str, source: str) -> None:
        """Something, which is a stub to the agency once in a while."""
        event = self._event(case, source, TYPE_OF[source], dict(DATA_OF.get(source, {})))
        if event.streamversion % 5 == 0:
            event = event._replace(type="pulang.withheld.v1", data=None)
        one = self.cases[case]
        one.history.append(event)
        if one.level != "none":
            self._tell(event._replace(grant=one.grant))

    def decide(self, case: str, level: str) -> None:
        """The person says how far the agency may follow."""
        one = self.cases[case]
        if one.erased or level == one.level:
            return
        data: dict[str, Any] = {
            "decisions": [{"agency": "iom", "status": "given", "level": level}],
            "given_by": "person",
        }
        event = self._event(case, "/pulang/intake", ConsentChanged.TYPE, data)
        if one.level == "none":
            one.grant += 1
            for earlier in one.history:
                self._tell(earlier._replace(grant=one.grant))
        told = event._replace(grant=one.grant)
        if level == "none":
            told = told._replace(data=data | {"deletion_requested": "case"})
        elif (one.level, level) == ("identified", "pseudonymous"):
            told = told._replace(data=data | {"deletion_requested": "identity"})
        self._tell(told)
        # In the history of a later grant an ending is a stub.
        one.history.append(event._replace(type="pulang.withheld.v1", data=None) if level == "none" else event)
        one.level = level

    def erase(self, case: str) -> None:
        one = self.cases[case]
        if not one.erased:
            one.erased, one.level = True, "none"
            if one.grant:
                self._tell(self._event(case, "/pulang/intake", ERASED, None))

    def operate(self, place: str) -> None:
        """Operations carry no grant."""
        self._tell(self._event(place, "/pulang/shelter", "pulang.occupancy.changed.v1", {"free": 1}))

    def shows(self, event: Event) -> bool:
        """Whether the row is still told now."""
        if event.subject not in self.cases:
            return True
        one = self.cases[event.subject]
        if one.erased:
            return event.type == ERASED
        ends = (event.data or {}).get("deletion_requested") == "case"
        return ends or (one.level != "none" and event.grant == one.grant)

    def told(self, after: int = 0, limit: int | None = None) -> list[Event]:
        """The feed, as it reads now."""
        return [event for event in self.log[after : None if limit is None else after + limit] if self.shows(event)]

    def requests(self) -> set[str]:
        """Every event that ever asked to delete something."""
        return {e.id for e in self.log if e.type == ERASED or (e.data or {}).get("deletion_requested")}

    def play(self, steps: int, dice: random.Random | int, cases: int = 6) -> None:
        """Anything, at random. `dice`: those, or a seed of them."""
        dice = random.Random(dice) if isinstance(dice, int) else dice  # noqa: S311
        names = [str(uuid.UUID(int=number + 1)) for number in range(cases)]
        for _ in range(steps):
            case = dice.choice(names)
            match dice.randrange(12):
                case 0 | 1 | 2:
                    self.decide(case, dice.choice(("none", "pseudonymous", "identified")))
                case 3:
                    self.operate(f"PLACE-{dice.randrange(2)}")
                case 4 if dice.random() < 0.2:
                    self.erase(case)
                case _:
                    if not self.cases[case].erased:
                        self.happens(case, dice.choice(SOURCES))

    def _tell(self, event: Event) -> None:
        self.log.append(event)
        self.topic.append(event)

    def _event(self, subject: str, source: str, event_type: str, data: dict[str, Any] | None) -> Event:
        version = self._versions[subject, source] = self._versions[subject, source] + 1
        return Event(
            id=f"{subject[-6:]}-{source[8:]}-{version}",
            source=source,
            type=event_type,
            subject=subject,
            time=MOMENT,
            recordedtime=MOMENT,
            streamversion=version,
            data=data,
        )
