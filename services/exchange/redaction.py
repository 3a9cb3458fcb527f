"""What of a fact's data may travel, read off the marks on its fields and compiled once per type.

Guilty until marked: what the model does not name is stripped, at every depth, and so is an object where the model has
a plain value.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from shared.events.catalogue import FACTS
from shared.events.exchange import Withheld
from shared.events.fact import Fact, Mark

Place = Callable[[str], str]
"""What a place is called towards an agency."""
Province = Callable[[str], str | None]
"""The province that may stand beside an opaque place; None where it would give the place away, or it is in clear."""

PROVINCE = "_province"
"""What follows the name of a place's field where its province stands beside it."""

_GONE: Any = object()
_Step = Callable[[Any, Place], Any]
"""From a value to what is left of it, or _GONE."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the data of one type is redacted."""

    fact: type[Fact]
    steps: Mapping[str, _Step]
    places: tuple[str, ...]
    """Fields at the top that name a place."""
    stores: tuple[str, ...]
    """Those of them that name it as a store of goods."""
    per_agency: tuple[str, ...]
    """Fields that hold entries of several agencies."""

    def redact(self, data: Mapping[str, Any], place: Place, province: Province) -> dict[str, Any]:
        """A copy with what may travel; places under the name that `place` gives them."""
        steps, left = self.steps, {}
        for name, value in data.items():
            step = steps.get(name)
            if step is None:
                continue
            kept = step(value, place)
            if kept is _GONE:
                continue
            left[name] = kept
            if name in self.places and type(value) is str and (code := province(value)) is not None:
                left[name + PROVINCE] = code
        return left


@cache
def plan_of(event_type: str) -> Plan | None:
    """The plan of a type; None for one that this version does not know, and for a stub, which has no data."""
    fact = FACTS.get(event_type)
    return None if fact is None or fact is Withheld else compile_plan(fact)


def compile_plan(fact: type[Fact]) -> Plan:
    """Read the marks of a fact and of the models inside of it."""
    marks = {name: _marks(field.annotation, field.metadata) for name, field in fact.model_fields.items()}
    places = tuple(name for name, found in marks.items() if Mark.PLACE in found and Mark.INTERNAL not in found)
    return Plan(
        fact=fact,
        steps=_steps_of(fact),
        places=places,
        stores=tuple(name for name in places if name == "store" or name.endswith("_store")),
        per_agency=tuple(name for name, found in marks.items() if Mark.PER_AGENCY in found),
    )


def _steps_of(model: type[BaseModel]) -> dict[str, _Step]:
    steps = {name: _step(field.annotation, field.metadata) for name, field in model.model_fields.items()}
    return {name: step for name, step in steps.items() if step is not None}


def _marks(annotation: Any, metadata: Any = ()) -> set[Mark]:
    """Marks on a field itself, or on the values of a list or a choice; not those inside of a nested model."""
    found = {mark for mark in metadata if isinstance(mark, Mark)}
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return found | _marks(inner, more)
    for argument in get_args(annotation):
        found |= _marks(argument)
    return found


def _step(annotation: Any, metadata: Any = ()) -> _Step | None:
    """What to do with a value of that annotation; None strips it."""
    marks = {mark for mark in metadata if isinstance(mark, Mark)}
    if Mark.INTERNAL in marks:
        return None
    if Mark.PLACE in marks:
        return _many(_rename) if _is_list(annotation) else _rename
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return _step(inner, more)
    if origin in (Union, types.UnionType):
        return _choice([one for one in get_args(annotation) if one is not type(None)])
    if _is_list(annotation):
        items = [one for one in get_args(annotation) if one is not Ellipsis]
        step = _choice(items)
        return None if step is None else _many(step)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _record(_steps_of(annotation))
    if origin is dict or annotation in (dict, Any, object):
        return None  # nothing says what is in there
    return _plain


def _choice(annotations: list[Any]) -> _Step | None:
    """The step of an optional value, or of one of several plain kinds; a mixture of others is stripped."""
    steps = [_step(one) for one in annotations]
    if not steps or any(step is None for step in steps):
        return None
    first = steps[0]
    if len(steps) == 1 or all(step is first for step in steps):
        return first
    return None


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) in (tuple, list, set, frozenset)


def _plain(value: Any, place: Place) -> Any:
    return _GONE if isinstance(value, dict | list) else value


def _rename(value: Any, place: Place) -> Any:
    return place(value) if isinstance(value, str) else _GONE


def _many(step: _Step) -> _Step:
    def each(value: Any, place: Place) -> Any:
        if not isinstance(value, list | tuple):
            return _GONE
        return [kept for item in value if (kept := step(item, place)) is not _GONE]

    return each


def _record(steps: Mapping[str, _Step]) -> _Step:
    def fields(value: Any, place: Place) -> Any:
        if not isinstance(value, Mapping):
            return _GONE
        return {
            name: kept
            for name, inner in value.items()
            if (step := steps.get(name)) is not None and (kept := step(inner, place)) is not _GONE
        }

    return fields
