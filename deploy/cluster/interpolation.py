"""`${NAME:-otherwise}` in compose.yaml, as Compose reads it."""

import re
from collections.abc import Mapping
from typing import Any

from pulang.complaint import Complaint

_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<bare>[A-Za-z_]\w*)"
    r"|\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-?+])(?P<word>[^${}]*))?\}|(?P<wrong>))"
)


def interpolate(value: Any, variables: Mapping[str, str], where: str = "") -> Any:
    """`value` with the variables of every string in it; keys stay as they are.

    Raises Complaint, with the place in the file, for a form that is not understood and for `${NAME:?reason}`.
    """
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _one(found, variables, where), value)
    if isinstance(value, Mapping):
        return {key: interpolate(inner, variables, f"{where}.{key}".lstrip(".")) for key, inner in value.items()}
    if isinstance(value, list):
        return [interpolate(inner, variables, f"{where}[{index}]") for index, inner in enumerate(value)]
    return value


def _one(found: re.Match[str], variables: Mapping[str, str], where: str) -> str:
    if found["escaped"]:
        return "$"
    if found["wrong"] is not None:
        raise Complaint(f"{where}: a variable in a form that is not understood: {found.string[found.start() :][:40]!r}")
    if found["bare"]:
        return variables.get(found["bare"], "")
    name, how, word = found["name"], found["how"] or "", found["word"] or ""
    value = variables.get(name)
    given = bool(value) if how.startswith(":") else value is not None
    if how.endswith("+"):
        return word if given else ""
    if given or not how:
        return value or ""
    if how.endswith("?"):
        raise Complaint(f"{where}: {name} must be set: {word or 'it has no default'}")
    return word
