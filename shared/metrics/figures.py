"""What the companions of a service tell of themselves, beside what every service tells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Figure:
    """A gauge, or a counter. `values` by those of its labels; `service` is added to them."""

    name: str
    documentation: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float]
    counts: bool = False


@runtime_checkable
class Telling(Protocol):
    """A companion with figures of its own."""

    async def figures(self) -> Sequence[Figure]:
        """Raises DatabaseUnavailable."""


@runtime_checkable
class Leased(Protocol):
    """A companion of which one replica does the work."""

    @property
    def lease(self) -> tuple[str, int]:
        """Its name, and the number under which it is held; 0 while somebody else holds it."""
