"""The envelope: CloudEvents 1.0 in JSON, structured mode; binary mode is understood on input.

An `Event` is what stands in an event log, on a topic and in a feed. Its `data` is the JSON form of a `Fact`.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
STRUCTURED = (("content-type", CONTENT_TYPE.encode()),)
"""The headers of a record that holds a whole event."""
MAX_VERSION = 2**31 - 1
"""CloudEvents integers are 32-bit."""
MAX_TEXT = 64
"""Characters of a text attribute: what the columns of the inbox hold. An id is a UUID, the longest type has 39."""
MAX_DEPTH = 100
"""Nested lists and objects of an event. orjson reads 1024 levels and writes 254: what is read here can be sent on."""


class NotAnEvent(ValueError):
    """The bytes are no CloudEvent of ours. The message names the attribute, never its value."""


def rfc3339(moment: datetime) -> str:
    """UTC with microseconds and `Z`; raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


class Event(NamedTuple):
    """One fact in its envelope. Times are RFC 3339 texts in UTC; `streamversion` counts from 1."""

    id: str
    source: str
    type: str
    subject: str
    time: str
    recordedtime: str
    streamversion: int
    data: Mapping[str, Any] | None = None
    grant: int | None = None
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None

    def to_bytes(self) -> bytes:
        """Structured-mode JSON. The same event gives the same bytes."""
        whole: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
            "recordedtime": self.recordedtime,
            "streamversion": self.streamversion,
            "partitionkey": self.subject,
        }
        for name in ("grant", "correlationid", "causationid", "traceparent"):
            value = getattr(self, name)
            if value is not None:
                whole[name] = value
        if self.data is not None:
            whole["datacontenttype"] = "application/json"
            whole["dataschema"] = schema_uri(self.type)
            whole["data"] = self.data
        # orjson's own bytes hold on to 8 KiB whatever they say they are; events are kept in memory by the thousand.
        return bytes(memoryview(orjson.dumps(whole)))

    @classmethod
    def from_bytes(cls, payload: bytes, headers: Iterable[tuple[str, bytes]] = ()) -> "Event":
        """Read either mode: `content-type` says which, and without one, whether there are `ce_` headers.

        Times come out as `rfc3339` writes them. Attributes that we don't know are ignored. Raises NotAnEvent, and
        nothing else.
        """
        binary = _binary_attributes(tuple(headers)) if headers else None
        try:
            body = orjson.loads(payload) if payload else None
        except orjson.JSONDecodeError:
            raise NotAnEvent("not JSON") from None
        if payload and payload.count(b"{") + payload.count(b"[") > MAX_DEPTH and _too_deep(body):
            raise NotAnEvent("nested too deeply")
        if binary is not None:
            return cls._from_attributes({**binary, "data": body})
        if not isinstance(body, dict):
            raise NotAnEvent("not a JSON object")
        return cls._from_attributes(body)

    @classmethod
    def _from_attributes(cls, attributes: dict[str, Any]) -> "Event":
        """Checked; a null stands for an attribute that is not there (CloudEvents JSON format, 2.2)."""
        get = attributes.get
        if get("specversion") != "1.0":
            raise NotAnEvent("specversion is not 1.0")
        for name in _TEXTS:
            text = get(name)
            if text is None and name not in _REQUIRED_TEXTS:
                continue
            if (
                type(text) is not str
                or not 0 < len(text) <= MAX_TEXT
                or (not text.isprintable() and _UNFIT.search(text))
            ):
                raise NotAnEvent(f"{name} is missing, or no text of 1 to {MAX_TEXT} characters")
        if not _is_count(get("streamversion")):
            raise NotAnEvent("streamversion is not a positive integer")
        if (grant := get("grant")) is not None and not _is_count(grant):
            raise NotAnEvent("grant is not a positive integer")
        data = get("data")
        if (data is not None and type(data) is not dict) or get("data_base64") is not None:
            raise NotAnEvent("data is not a JSON object")
        return cls(
            id=attributes["id"],
            source=attributes["source"],
            type=attributes["type"],
            subject=attributes["subject"],
            time=_utc("time", get("time")),
            recordedtime=_utc("recordedtime", get("recordedtime")),
            streamversion=attributes["streamversion"],
            data=data,
            grant=grant,
            correlationid=get("correlationid"),
            causationid=get("causationid"),
            traceparent=get("traceparent"),
        )


_REQUIRED_TEXTS = ("id", "source", "type", "subject")
_TEXTS = (*_REQUIRED_TEXTS, "correlationid", "causationid", "traceparent")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_OURS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""Characters that a CloudEvents String may not hold; PostgreSQL refuses the first of them."""


def _binary_attributes(headers: tuple[tuple[str, bytes], ...]) -> dict[str, Any] | None:
    """The attributes of an event in binary mode; None in structured mode."""
    if headers == STRUCTURED:
        return None
    found: dict[str, Any] = {}
    for name, value in headers:
        lowered = name.lower()
        if lowered == "content-type" and (value or b"").strip().lower().startswith(b"application/cloudevents"):
            return None
        if lowered.startswith("ce_"):
            found[lowered[3:]] = value
    if not found:
        return None
    try:
        texts: dict[str, Any] = {name: value.decode() for name, value in found.items() if value is not None}
    except UnicodeDecodeError:
        raise NotAnEvent("a header is not UTF-8") from None
    for name in ("streamversion", "grant"):
        if name in texts:
            texts[name] = _integer(texts[name])
    return texts


def _integer(text: str) -> int:
    """The canonical decimal form alone, else 0: `int` would take blanks, underscores and digits of other scripts."""
    return int(text) if re.fullmatch("[1-9][0-9]{0,9}", text) else 0


def _is_count(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_VERSION


def _utc(name: str, text: object) -> str:
    """The time as `rfc3339` writes it. Raises NotAnEvent where it is none, or lies outside the years 1 to 9999."""
    if type(text) is str and len(text) <= MAX_TEXT:
        try:
            if _OURS.fullmatch(text):
                datetime.fromisoformat(text)
                return text
            if _RFC3339.fullmatch(text):
                return rfc3339(datetime.fromisoformat(text.upper()))
        except (ValueError, OverflowError):
            pass
    raise NotAnEvent(f"{name} is missing or no RFC 3339 time")


def _too_deep(body: object) -> bool:
    """Whether lists and objects stand more than MAX_DEPTH within one another."""
    level: list[object] = [body]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def schema_uri(event_type: str) -> str:
    """The `dataschema` of an event type; `pulang schemas` writes the document of that name."""
    return f"urn:pulang:schema:{event_type}"
