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
    """Pydantic's errors as faults; the refused input itself is never repeated."""
    return [_fault(error, start) for error in errors][:100]


def _fault(error: Any, start: tuple[str | int, ...]) -> Fault:
    place = [*start, *error["loc"]]
    detail = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "json_invalid":
        return Fault(f"no JSON from character {place[-1]} on", "#")
    if place and place[0] in ("query", "path", "header"):
        return Fault(detail, ".".join(str(part) for part in place))
    if place and place[0] == "body":
        place = place[1:]
    return Fault(detail, pointer_to(place))


def pointer_to(place: Sequence[str | int]) -> str:
    """RFC 6901, as a URI fragment: `#/rows/0/sex`. It ends before a name that is none of a field as people write one.

    Fields that are not known are named by the caller. Where a table was read without its heading, the first person's
    name and numbers stand there; and what is wrong with a row of a manifest is kept.
    """
    told = itertools.takewhile(lambda part: isinstance(part, int) or _FIELD.fullmatch(part), place)
    return "#" + "".join(f"/{part}" for part in told)


_FIELD = re.compile(r"[a-z][a-z_]{0,39}|[a-z]{1,20}([A-Z][a-z]{1,20}){1,4}|pulang(\.[a-z_]{1,30}){2}\.v[0-9]{1,2}")
"""`birth_date`, `birthDate`, a type of events; of ours none has figures."""
