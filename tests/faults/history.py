"""What a load attempted, and what it was told about it: the history that a checker judges, as Jepsen keeps one."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path


class Outcome(StrEnum):
    """What the caller knows."""

    ATTEMPTED = "attempted"
    """No answer yet: judged as unknown."""
    ACKNOWLEDGED = "acknowledged"
    """2xx: it happened, for good."""
    REFUSED = "refused"
    """4xx, and no earlier try was unknown: it did not happen."""
    UNKNOWN = "unknown"
    """It may have happened, once at most."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One event that an operation makes. `mark` tells it from others of its type and subject: an id in its data, or
    the moment of its `time`."""

    fact: str
    """The type without `pulang.` and version, such as `stay.checked_in`."""
    subject: str
    mark: str = ""


@dataclass(slots=True)
class Operation:
    """One request, with all its tries."""

    name: str
    effects: tuple[Effect, ...]
    levels: Mapping[str, str] = field(default_factory=dict)
    """Of a change of consent: the level by agency."""
    outcome: Outcome = Outcome.ATTEMPTED
    tries: int = 0
    status: int = 0
    """The last HTTP status; 0 where no answer came."""


class History:
    """All operations, in the order in which they began."""

    def __init__(self, operations: Iterable[Operation] = ()) -> None:
        self.operations = list(operations)

    def begin(self, name: str, effects: Iterable[Effect], levels: Mapping[str, str] | None = None) -> Operation:
        operation = Operation(name, tuple(effects), dict(levels or {}))
        self.operations.append(operation)
        return operation

    def outcomes(self) -> dict[str, int]:
        """Operations by outcome."""
        return dict(Counter(str(operation.outcome) for operation in self.operations))

    def save(self, path: Path) -> None:
        """As JSON, one operation a line."""
        path.write_text("".join(json.dumps(asdict(operation)) + "\n" for operation in self.operations))
