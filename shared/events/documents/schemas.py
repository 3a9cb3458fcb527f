"""One JSON Schema (draft 2020-12) per event type, of the event's `data`."""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shared.events.catalogue import FACTS
from shared.events.envelope import schema_uri
from shared.events.fact import Fact, Mark

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TRAVELS = "x-travels"
"""Annotation of a field that does not go to every agency as it is: the value of its `Mark`."""


def write_schemas(folder: Path) -> int:
    """Write `<type>.json` for every event type, and nothing else; the number of files. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for event_type, fact in FACTS.items():
        text = json.dumps(schema_document(fact), indent=2, ensure_ascii=False) + "\n"
        (folder / f"{event_type}.json").write_text(text, encoding="utf-8")
    return len(FACTS)


def schema_document(fact: type[Fact]) -> dict[str, Any]:
    """The schema of one fact, self-contained; its `$id` is the `dataschema` of the events."""
    return {"$schema": DIALECT, "$id": schema_uri(fact.TYPE), **bare_schema(fact, "#/$defs/{model}")}


def bare_schema(fact: type[Fact], ref_template: str) -> dict[str, Any]:
    """The schema without its identity; models inside it stand in `$defs` and are referred to by the template."""
    schema = fact.model_json_schema(mode="serialization", ref_template=ref_template)
    _explain(schema, fact)
    definitions = schema.get("$defs", {})
    for model in _models_in(fact):
        _explain(definitions[model.__name__], model)
    return schema


def _explain(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Give the fields their docstrings and marks; leave out what only repeats a name or a default of nothing."""
    docstrings = _field_docstrings(model)
    for name, field in schema.get("properties", {}).items():
        field.pop("title", None)
        if field.get("default", ...) is None:
            del field["default"]
        if name in docstrings:
            field["description"] = docstrings[name]
        for mark in model.model_fields[name].metadata:
            if isinstance(mark, Mark):
                field[TRAVELS] = mark.value


def _field_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The text under each field of a class.

    Pydantic would do it with `use_attribute_docstrings`, at each start of every service; only this document needs it.
    """
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if not issubclass(owner, BaseModel) or owner in (BaseModel, Fact):
            continue
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        assert isinstance(body, ast.ClassDef)  # noqa: S101
        for statement, following in zip(body.body, body.body[1:], strict=False):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                match following:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        found[statement.target.id] = inspect.cleandoc(text)
    return found


def _models_in(model: type[BaseModel]) -> Iterable[type[BaseModel]]:
    """The models that stand in the fields of a model, at any depth."""
    for field in model.model_fields.values():
        for inner in _classes_in(field.annotation):
            if issubclass(inner, BaseModel):
                yield inner
                yield from _models_in(inner)


def _classes_in(annotation: Any) -> Iterable[type]:
    if inspect.isclass(annotation):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _classes_in(argument)
