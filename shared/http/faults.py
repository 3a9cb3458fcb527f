"""What is wrong with a request, one thing at a time, and where; never what was sent."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `pointer`: JSON pointer into the body as a fragment (`#/rows/0/sex`), or a parameter."""

    detail: str
    pointer: str | None = None

    def to_json(self) -> dict[str, str]:
        return {"detail": self.detail} | ({"pointer": self.pointer} if self.pointer else {})


def faults_of(errors: Sequence[Any], start: tuple[str | int, ...] = ()) -> list[Fault]:
    """Pydantic's errors as faults; neither the refused input nor the name of a field that is not ours is repeated."""
    unknown = {place for error in errors if (place := _unknown(error))}
    return [_fault(error, start, unknown) for error in errors[:100]]


_Place = tuple[str | int, ...]
UNKNOWN_FIELD = "has a field that is not known"
"""Said of where it stands: what it is called may be a person's name."""


def _unknown(error: Any) -> _Place | None:
    """Where the caller named a field, or a key of a map, that cannot be."""
    place: _Place = tuple(error["loc"])
    if error["type"] == "extra_forbidden":
        return place
    return place[:-1] if place and place[-1] == "[key]" else None


def _fault(error: Any, start: _Place, unknown: set[_Place]) -> Fault:
    place: _Place = tuple(error["loc"])
    told = next((place[:end] for end in range(len(place)) if place[: end + 1] in unknown), place)
    detail = UNKNOWN_FIELD if error["type"] == "extra_forbidden" else str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "json_invalid":
        return Fault(f"no JSON from character {place[-1]} on", "#")
    told = (*start, *told)
    if told and told[0] in ("query", "path", "header"):
        return Fault(detail, ".".join(str(part) for part in told))
    return Fault(detail, pointer_to(told[1:] if told and told[0] == "body" else told))


def pointer_to(place: Sequence[str | int]) -> str:
    """RFC 6901, as a URI fragment: `#/rows/0/sex`. It ends before a name that is none of a field as people write one.

    Where a table was read without its heading, the first person's name and numbers stand in the place of fields' names;
    and what is wrong with a row of a manifest is kept.
    """
    told = itertools.takewhile(lambda part: isinstance(part, int) or _FIELD.fullmatch(part), place)
    return "#" + "".join(f"/{part}" for part in told)


_FIELD = re.compile(r"[a-z][a-z_]{0,39}|[a-z]{1,20}([A-Z][a-z]{1,20}){1,4}|pulang(\.[a-z_]{1,30}){2}\.v[0-9]{1,2}")
"""`birth_date`, `birthDate`, a type of events; of ours none has figures."""
