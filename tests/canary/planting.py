"""Where a caller chooses the text, read from the OpenAPI document: a new field is marked without anybody's doing.

A text is held to be personal unless its schema says that it is a code, or `x-public`. What a schema cannot say is
declared here: which patterns are codes, which days and numbers are no person's. Anything else fails the test.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel

from services.intake.schemas.manifests import ManifestPerson
from shared.http.bodies import ID_PATTERN
from tests.access.asking import AGENCY_PATTERN, PLACE_PATTERN, _whole
from tests.access.matrix.row import Ask
from tests.canary.marks import BORN, Marks

_TYPE = r"pulang(\.[a-z][a-z_]{0,30}){1,2}\.v[1-9][0-9]?"
CODES = {
    ID_PATTERN: "a UUID",
    PLACE_PATTERN: "the code of a place, which administrators give",
    AGENCY_PATTERN: "the code of an agency, which administrators give",
    r"^\d\d\.\d\d$": "a regency",
    r"^[A-Z]{2}$": "a country",
    r"^[a-z]{2,3}(-[A-Z]{2})?$": "a language",
    r"^[a-z][a-z_]{1,39}$": "a kind of agency, or the name of a field of an event",
    r"^pulang(\.[a-z][a-z_]{0,30}){2}\.v[1-9][0-9]?$": "a type of events",
    rf"^{_TYPE}(,{_TYPE})*$": "types of events",
    r"^msg_[a-z2-7]{26}$": "a message",
    r"^[a-z][a-z0-9_.-]{0,63}$": "a consumer",
    r"^[a-z_.]{1,64}$": "an act",
    r"^[A-Za-z0-9._:-]{1,64}$": "the subject of events, and the number of a row in its list, which is no person's",
}
_WORDS = re.compile(r"\^\([a-z_|]+\)\$")
"""One of a few."""
KNOWN_WORDS = {"event_types": "types of events that there are"}
DAYS = frozenset(
    [
        "arrival_date",
        "on",
        "from_date",
        "until_date",
        "departs_on",
        "expires_on",
        "occurred_at",
        "from",
        "until",
        "since",
    ]
)  # of what happened, in events too
NUMBERS = frozenset(
    ["quantity", "threshold", "change", "beds", "layer", "care_layer", "limit", "wait", "overlap_hours"]
)
ROWS_OF_A_MANIFEST = ("ReceiveManifest", "rows", ManifestPerson)
"""Objects of any fields to the document, since each is judged by itself: by this model."""
ALONG = {"POST /intake/cases/{case_id}/consents": {"given_by": "guardian"}}
"""What must be said for an optional field to be taken."""
FORMS = {"POST /exchange/webhooks": {"url": "{url}"}, "PATCH /exchange/webhooks/{webhook_id}": {"url": "{url}"}}
"""Texts that are taken in one form alone; `{url}` leads to the receiver."""
HEADERS = [
    "Idempotency-Key",
    "User-Agent",
    "Referer",
    "Cookie",
    "X-Request-Id",
    "X-Correlation-Id",
    "X-Forwarded-For",
    "Forwarded",
    "Origin",
    "Traceparent",
    "Tracestate",
    "Baggage",
    "Accept-Language",
    "From",
    "X-Unknown",
]
"""What callers and the proxies before them send, whether a route knows it or not."""


@dataclass(frozen=True, slots=True)
class Place:
    """A text of a request. `at`: the steps to it; of a list, `-` for each member."""

    route: str
    where: str
    at: tuple[str, ...]
    schema: Mapping[str, Any] = field(compare=False)

    @property
    def name(self) -> str:
        return next((step for step in reversed(self.at) if step != "-"), "")

    def __str__(self) -> str:
        return f"{self.route} {self.where} {'/'.join(self.at)}"


class Undeclared(AssertionError):
    """A field that might be personal and cannot be marked: say in planting.py what it is."""


def kind_of(place: Place) -> str:
    """`code`, `public`, `text`, or `birth` for a day that is a person's. Raises Undeclared."""
    schema, kinds = place.schema, place.schema.get("type")
    if schema.get("x-public"):
        return "public"
    if kinds in ("integer", "number"):
        if place.name not in NUMBERS:
            raise Undeclared(f"{place}: is this number a person's?")
        return "code"
    if kinds == "boolean" or kinds == "null" or "enum" in schema or "const" in schema:
        return "code"
    if schema.get("format") in ("date", "date-time"):
        return "code" if place.name in DAYS else "birth"
    if schema.get("format") == "uuid" or place.name in KNOWN_WORDS:
        return "code"
    pattern = schema.get("pattern", "")
    return "code" if pattern in CODES or _WORDS.fullmatch(pattern) else "text"


class Sower:
    """Fills requests with marks. Notes what it planted, and what of it was taken."""

    def __init__(self, document: dict[str, Any], marks: Marks, url: str = "") -> None:
        """`url`: what webhooks may lead to."""
        self.document, self.marks, self._url = _with_rows(document, *ROWS_OF_A_MANIFEST), marks, url
        self.taken: set[Place] = set()

    def described(self, route: str) -> dict[str, Any]:
        method, _, path = route.partition(" ")
        found: dict[str, Any] = self.document["paths"][path.replace(":path}", "}")][method.lower()]
        return found

    def parameters(self, route: str) -> Iterator[Place]:
        for one in self.described(route).get("parameters", ()):
            for form in self.forms(one["schema"]):
                yield Place(route, one["in"], (one["name"],), form)

    def body(self, route: str) -> Mapping[str, Any] | None:
        content = self.described(route).get("requestBody", {}).get("content", {})
        if not content:
            return None
        assert set(content) == {"application/json"}, f"{route} takes {set(content)}"
        schema: Mapping[str, Any] = content["application/json"]["schema"]
        return schema

    def places(self, route: str) -> list[Place]:
        """Of every text, number and day that a request can bring."""
        schema = self.body(route)
        inner = [] if schema is None else list(self._leaves(route, (), schema))
        return [*self.parameters(route), *inner]

    def planted(self, route: str, ask: Ask, *, public: bool = False) -> tuple[Ask, list[Place]]:
        """A good request with a mark in every text, and where they are. `public`: in public ones, too."""
        filled: list[Place] = []
        schema, body = self.body(route), copy.deepcopy(ask.body)
        if schema is not None:
            body = self._fill(route, (), schema, body if body is not None else {}, filled, public)
            if isinstance(body, dict):
                body |= ALONG.get(route, {})
        headers = dict(ask.headers)
        for place in self.parameters(route):
            if place.where == "header" and place.name.lower() == "idempotency-key":
                headers[place.name] = self.marks.text(str(place))
                filled.append(place)
        return replace(ask, body=body if schema is not None else ask.body, headers=headers), filled

    def value(self, place: Place) -> str:
        """A mark that the schema lets through. Raises Undeclared."""
        origin, schema = str(place), place.schema
        form = FORMS.get(place.route, {}).get(place.name)
        if form is not None:
            return form.format(url=f"{self._url}/{self.marks.text(origin)}")
        if place.name == "nik":
            return self.marks.nik(origin)
        if place.name == "document_number" or place.at[-2:] == ("document", "number"):
            return self.marks.document(origin)
        for make in (self.marks.text, self.marks.document, self.marks.phone, self.marks.nik):
            made = make(origin)
            if re.search(schema.get("pattern", ""), made) and len(made) <= schema.get("maxLength", 10**6):
                return made
        raise Undeclared(f"{place}: no mark fits {schema}")

    def _fill(self, route: str, at: tuple[str, ...], schema: Any, said: Any, filled: list[Place], public: bool) -> Any:
        for form in self.forms(schema):
            if form.get("type") == "array":
                if isinstance(said, list):
                    return [self._fill(route, (*at, "-"), form.get("items", {}), one, filled, public) for one in said]
                if self._has_text(route, at, form, public):
                    return [self._fill(route, (*at, "-"), form.get("items", {}), None, filled, public)]
                return said
            if "properties" in form:
                if said is None and not self._has_text(route, at, form, public):
                    return None
                return self._object(route, at, form, dict(said or {}), filled, public)
            place = Place(route, "body", at, form)
            if at and form.get("type") != "object":
                kind = kind_of(place)
                if kind == "text" or (kind == "public" and public):
                    filled.append(place)
                    return self.marks.public_text(str(place)) if kind == "public" else self.value(place)
                if kind == "birth":
                    filled.append(place)
                    return BORN
        return said

    def _object(
        self, route: str, at: tuple[str, ...], form: Any, said: dict[str, Any], filled: list[Place], public: bool
    ) -> dict[str, Any]:
        new_here = not said
        for name, inner in form["properties"].items():
            made = self._fill(route, (*at, name), inner, said.get(name), filled, public)
            if made is not None:
                said[name] = made
            elif new_here and name in form.get("required", ()):
                said[name] = self._any_of(inner)
        return said

    def _any_of(self, schema: Any) -> Any:
        """A good value of a code that has to be there."""
        form = next(iter(self.forms(schema)))
        return form["enum"][0] if "enum" in form else form.get("const")

    def _has_text(self, route: str, at: tuple[str, ...], schema: Any, public: bool) -> bool:
        wanted = ("text", "birth", "public") if public else ("text", "birth")
        return any(kind_of(place) in wanted for place in self._leaves(route, at, schema))

    def _leaves(self, route: str, at: tuple[str, ...], schema: Any) -> Iterator[Place]:
        for form in self.forms(schema):
            if form.get("type") == "array":
                yield from self._leaves(route, (*at, "-"), form.get("items", {}))
            elif "properties" in form:
                for name, inner in form["properties"].items():
                    yield from self._leaves(route, (*at, name), inner)
            elif form.get("type") == "object" or not form:
                if not _only_codes(form):
                    raise Undeclared(f"{route} {'/'.join(at)}: an object of any fields")
            else:
                yield Place(route, "body", at, form)

    def forms(self, schema: Any) -> list[dict[str, Any]]:
        """A schema behind its references, each of the alternatives."""
        whole = _whole(self.document, schema)
        for several in ("anyOf", "oneOf", "allOf"):
            if several in whole:
                return [form for one in whole[several] for form in self.forms(one) if form.get("type") != "null"]
        return [whole]


def _only_codes(form: Any) -> bool:
    """A map whose keys and values are codes by their patterns."""
    inner = form.get("patternProperties", {})
    values = [one.get("items", one) for one in inner.values()]
    return bool(inner) and all(pattern in CODES for pattern in (*inner, *(one.get("pattern") for one in values)))


def _with_rows(document: dict[str, Any], name: str, field: str, model: type[BaseModel]) -> dict[str, Any]:
    """A copy of the document that tells what the members of that list are."""
    document = copy.deepcopy(document)
    schemas = document["components"]["schemas"]
    schemas[model.__name__] = model.model_json_schema(ref_template="#/components/schemas/{model}")
    for inner, schema in schemas[model.__name__].pop("$defs", {}).items():
        schemas.setdefault(inner, schema)
    schemas[name]["properties"][field]["items"] = {"$ref": f"#/components/schemas/{model.__name__}"}
    return document
