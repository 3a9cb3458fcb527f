"""Whether today's JSON Schema keeps what the published one promised.

Inside v1 a schema grows by optional fields, and a code list by values; anything else is v2, published beside v1.
Judged with both sides in mind: old events stay in logs for ever, and old readers stay in service.
"""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

WORDS = frozenset({"title", "description", "examples", "default", "x-travels", "$schema", "$defs"})
"""Say nothing about which data are valid."""
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
JUDGED = frozenset({"$ref", "$id", "type", "anyOf", "enum", "const", "properties", "required", "items", *LOWER, *UPPER})


def breaks(published: Json, today: Json) -> list[str]:
    """What today's schema takes back: one line each, with the place; empty where it only grew."""
    return list(_breaks(published, today, published, today, "data"))


def _breaks(before: Json, now: Json, before_root: Json, now_root: Json, place: str) -> list[str]:
    before, now = _resolved(before, before_root), _resolved(now, now_root)
    if "anyOf" in before or "anyOf" in now:
        return _broken_choice(before, now, before_root, now_root, place)
    found = []
    if before.get("$id") != now.get("$id"):
        found.append(f"{place}: another $id")
    if before.get("type") != now.get("type"):
        found.append(f"{place}: type {before.get('type')} became {now.get('type')}")
    found += _broken_codes(before, now, place)
    found += [f"{place}: {word} is narrower" for word in LOWER if now.get(word, _LOWEST) > before.get(word, _LOWEST)]
    found += [f"{place}: {word} is narrower" for word in UPPER if now.get(word, _HIGHEST) < before.get(word, _HIGHEST)]
    # Whether one pattern or format holds another cannot be told: any change of such a word counts.
    found += [
        f"{place}: {word} changed"
        for word in sorted({*before, *now} - WORDS - JUDGED)
        if before.get(word) != now.get(word)
    ]
    found += _broken_fields(before, now, before_root, now_root, place)
    if "items" in before or "items" in now:
        found += _breaks(before.get("items", {}), now.get("items", {}), before_root, now_root, f"{place}[]")
    return found


_LOWEST, _HIGHEST = float("-inf"), float("inf")


def _broken_fields(before: Json, now: Json, before_root: Json, now_root: Json, place: str) -> list[str]:
    old, new = before.get("properties", {}), now.get("properties", {})
    must_old, must_new = set(before.get("required", ())), set(now.get("required", ()))
    found = [f"{place}.{name}: removed" for name in old if name not in new]
    found += [f"{place}.{name}: newly required" for name in sorted(must_new - must_old)]
    found += [f"{place}.{name}: no longer always there" for name in sorted(must_old - must_new) if name in new]
    for name in old:
        if name in new:
            found += _breaks(old[name], new[name], before_root, now_root, f"{place}.{name}")
    return found


def _broken_codes(before: Json, now: Json, place: str) -> list[str]:
    old, new = _codes(before), _codes(now)
    if old is None and new is None:
        return []
    if old is None or new is None:
        return [f"{place}: {'became' if old is None else 'is no longer'} a code list"]
    return [f"{place}: code {code!r} removed" for code in old if code not in new]


def _codes(schema: Json) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _broken_choice(before: Json, now: Json, before_root: Json, now_root: Json, place: str) -> list[str]:
    """Alternatives pair up by their types, which our models keep apart: a value, or null."""
    old = {_resolved(one, before_root).get("type"): one for one in before.get("anyOf", [before])}
    new = {_resolved(one, now_root).get("type"): one for one in now.get("anyOf", [now])}
    found = [f"{place}: may no longer be {kind}" for kind in old if kind not in new]
    found += [f"{place}: may now be {kind}" for kind in new if kind not in old]
    for kind in old:
        if kind in new:
            found += _breaks(old[kind], new[kind], before_root, now_root, place)
    return found


def _resolved(schema: Json, root: Json) -> Json:
    """The schema itself where it is a reference into its own document."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    name = reference.removeprefix("#/$defs/")
    return {**root["$defs"][name], **{word: value for word, value in schema.items() if word != "$ref"}}
