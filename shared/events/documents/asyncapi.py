"""The AsyncAPI 3.0.0 document: who publishes what on which topic, and in what form.

Schemas stay within what JSON Schema draft 07 and 2020-12 share: AsyncAPI's default schema format is a superset of 07.
"""

import inspect
from typing import Any

from shared.events.catalogue import FACTS, PUBLISHERS, TOLD_TO_AGENCIES
from shared.events.documents.schemas import bare_schema
from shared.events.envelope import CONTENT_TYPE, MAX_TEXT, MAX_VERSION, schema_uri
from shared.events.exchange import Withheld
from shared.events.fact import LIFECYCLE, OPERATIONS, Fact

Json = dict[str, Any]

CHANNELS = {LIFECYCLE: "lifecycle", OPERATIONS: "operations"}
"""Names within the document of the topics that facts declare."""
AGENCY, DEAD_LETTERS, DEAD_LETTER = "agency", "deadLetters", "deadLetter"
SERVICES = tuple(source.removeprefix("/pulang/") for source in PUBLISHERS)


def asyncapi_document() -> Json:
    """The whole document, JSON-able; the same models give the same document."""
    schemas: Json = {"envelope": _envelope(), DEAD_LETTER: _dead_letter()}
    for event_type, fact in FACTS.items():
        schema = bare_schema(fact, "#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[event_type] = schema
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Pulang",
            "version": "1",
            "description": (
                "What happened to a case, complete and in order per (source, subject). CloudEvents 1.0 in JSON, "
                "structured mode; the record key is the subject. Inside v1 a schema only grows by optional fields, "
                "and a code list by values: ignore what you do not know."
            ),
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "kafka": {
                "host": "{host}",
                "protocol": "kafka-secure",
                "description": "The bus of the distributed profile; an agency reads its own topic.",
                "variables": {"host": {"description": "Host and port of a broker", "default": "localhost:9092"}},
            }
        },
        "channels": _channels(),
        "operations": _operations(),
        "components": {
            "schemas": schemas,
            "messages": {**{t: _message(fact) for t, fact in FACTS.items()}, DEAD_LETTER: _dead_letter_message()},
        },
    }


def _channels() -> Json:
    """The topics. An agency's copies are what `disclose` leaves of the services' events."""
    own = {
        name: {
            "address": topic,
            "description": description,
            "messages": _listed(fact.TYPE for fact in FACTS.values() if _is_on(fact, topic)),
        }
        for topic, name, description in (
            (
                LIFECYCLE,
                "lifecycle",
                "Facts about a case, between the services. Kept for ever.",
            ),
            (OPERATIONS, "operations", "Facts about places, goods and agencies, between the services. Kept for ever."),
        )
    }
    return {
        **own,
        AGENCY: {
            "address": "pulang.agency.{agency}",
            "description": (
                "What one agency may see, within what each person agreed to; no other agency reads it. Kept for 30 "
                "days: older history comes from the feed. What policy withholds is there as a stub, so that versions "
                "have no gap. Places of others have opaque ids, with `<field>_province` beside them where at least "
                "three places share it; fields that the schema marks `x-travels: internal` are left out."
            ),
            "parameters": {"agency": {"description": "Id of the agency: a-z and 0-9", "examples": ["iom"]}},
            "messages": _listed(name for name in FACTS if name in TOLD_TO_AGENCIES),
        },
        DEAD_LETTERS: {
            "address": "pulang.dead-letters.{service}",
            "description": "For operators: an event that a service gave up on. Never its payload.",
            "parameters": {"service": {"description": "The service that gave up", "enum": list(SERVICES)}},
            "messages": _listed([DEAD_LETTER]),
        },
    }


def _operations() -> Json:
    found: Json = {}
    for service in SERVICES:
        for topic, channel in CHANNELS.items():
            sent = [fact.TYPE for fact in PUBLISHERS.get(f"/pulang/{service}", ()) if _is_on(fact, topic)]
            if sent:
                found[f"{service}-sends-{channel}"] = _operation("send", channel, f"What {service} tells.", sent)
            found[f"{service}-receives-{channel}"] = _operation(
                "receive", channel, f"What {service} follows; a type that it has no use for moves its mark alone."
            )
        found[f"{service}-sends-{DEAD_LETTERS}"] = _operation("send", DEAD_LETTERS, f"What {service} gave up on.")
    found[f"exchange-sends-{AGENCY}"] = _operation("send", AGENCY, "Each agency's own log, in its order.")
    return found


def _operation(action: str, channel: str, summary: str, types: list[str] | None = None) -> Json:
    """Without types: every message of the channel."""
    operation: Json = {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}
    if types is not None:
        operation["messages"] = [{"$ref": f"#/channels/{channel}/messages/{event_type}"} for event_type in types]
    return operation


def _listed(names: Any) -> Json:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _is_on(fact: type[Fact], topic: str) -> bool:
    """Stubs stand on agency topics only."""
    return fact is not Withheld and topic == fact.TOPIC


def _message(fact: type[Fact]) -> Json:
    """One event as it stands in a record: the envelope with the fact as its data."""
    about = inspect.cleandoc(fact.__doc__ or "")
    data: Json = {"type": {"const": fact.TYPE}}
    required = []
    if fact is not Withheld:
        data["dataschema"] = {"const": schema_uri(fact.TYPE)}
        data["data"] = {"$ref": f"#/components/schemas/{fact.TYPE}"}
        required = ["data", "dataschema", "datacontenttype"]
    return {
        "name": fact.TYPE,
        "title": fact.__name__,
        "summary": about.partition("\n")[0],
        "description": about,
        "contentType": CONTENT_TYPE,
        "headers": _headers(CONTENT_TYPE),
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/envelope"},
                {"type": "object", "properties": data, "required": required},
            ]
        },
        "bindings": _key("The subject"),
    }


def _headers(content_type: str) -> Json:
    return {"type": "object", "properties": {"content-type": {"type": "string", "const": content_type}}}


def _key(description: str) -> Json:
    return {"kafka": {"key": {"type": "string", "description": description}, "bindingVersion": "0.5.0"}}


def _envelope() -> Json:
    def text(description: str, **more: Any) -> Json:
        return {"type": "string", "minLength": 1, "maxLength": MAX_TEXT, "description": description, **more}

    def count(description: str) -> Json:
        return {"type": "integer", "minimum": 1, "maximum": MAX_VERSION, "description": description}

    return {
        "title": "CloudEvents envelope",
        "type": "object",
        "required": [
            "specversion", "id", "source", "type", "subject", "time", "recordedtime", "streamversion", "partitionkey",
        ],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text("UUIDv7. Source and id tell repeats apart; for an agency grant, source and id do."),
            "source": text("The service that tells it.", enum=[f"/pulang/{service}" for service in SERVICES]),
            "type": text("Stream, fact in the past tense, version.", enum=list(FACTS)),
            "subject": text("Case id; on operations the id of a place, a consignment or a manifest."),
            "time": text("When it happened, UTC; may be back-dated.", format="date-time"),
            "recordedtime": text("When it was recorded, UTC.", format="date-time"),
            "streamversion": count("Counts from 1 without a gap per source and subject (and grant, for an agency)."),
            "grant": count("Agency topics only: which granting of consent this copy of a case's event belongs to."),
            "partitionkey": text("The subject."),
            "correlationid": text("The request or process that it belongs to."),
            "causationid": text("The id of the event that it answers."),
            "traceparent": text("W3C trace context."),
            "datacontenttype": {"const": "application/json"},
            "dataschema": text("Name of the schema of the data: `pulang schemas` writes the document."),
            "data": {"type": "object"},
        },
    }  # fmt: skip


def _dead_letter() -> Json:
    return {
        "title": "Dead letter",
        "type": "object",
        "required": ["position", "consumer", "key", "topic", "reason", "attempts"],
        "properties": {
            "position": {"type": "integer", "minimum": 1, "description": "Its place among what the service parked."},
            "consumer": {"type": "string", "description": "The reader that gave up."},
            "key": {"type": "string", "description": "Record key of the original."},
            "topic": {"type": "string", "description": "Topic of the original."},
            "reason": {"type": "string", "description": "`undecodable`, `gap`, `behind another`, or an error's class."},
            "attempts": {"type": "integer", "minimum": 0},
        },
        "additionalProperties": False,
    }


def _dead_letter_message() -> Json:
    return {
        "name": DEAD_LETTER,
        "title": "Dead letter",
        "summary": "An event that was tried for the last time; what follows under its key waits behind it.",
        "contentType": "application/json",
        "headers": _headers("application/json"),
        "payload": {"$ref": f"#/components/schemas/{DEAD_LETTER}"},
        "bindings": _key("Record key of the original"),
    }
