"""The spans of a service: a request, a batch that is sent, an event that is taken in.

Names and attributes are codes, event types and route templates alone: never a path, a query, an id or a body.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import orjson
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    format_span_id,
    format_trace_id,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace import Tracer as Maker
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.events.envelope import Event

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "_OTHER"
"""Stands for a method that is none of them: a caller could make up any number."""
MOST_LINKS = 128
"""What the SDK keeps by default."""

_W3C = TraceContextTextMapPropagator()


def context_of(traceparent: str | None) -> SpanContext | None:
    """What a W3C `traceparent` says; None where it is none."""
    if not traceparent:
        return None
    found = get_current_span(_W3C.extract({"traceparent": traceparent}, Context())).get_span_context()
    return found if found.is_valid else None


def accepted(traceparent: str | None) -> str | None:
    """A caller's `traceparent` as it may stand in an event; None where it is none."""
    if (context := context_of(traceparent)) is None:
        return None
    return _written(context)


def traceparent_of(span: Span) -> str | None:
    """What makes another span a child of this one."""
    context = span.get_span_context()
    return _written(context) if context.is_valid else None


def method_of(name: str) -> str:
    """One of few words, whatever the caller sent."""
    return name if name in METHODS else OTHER


class Tracer:
    """Makes the spans of one service. Thread safe."""

    def __init__(self, maker: Maker) -> None:
        self._maker = maker

    def request(self, method: str, traceparent: str | None) -> Span:
        """Begins the span of a request; `end_request` ends it."""
        attributes = {"http.request.method": method_of(method)}
        return self._maker.start_span(_word(method), _parent(context_of(traceparent)), SpanKind.SERVER, attributes)

    def taking_in(self, event: Event, consumer: str) -> Span | None:
        """Begins the span of an event that a consumer applies; None for one that belongs to no trace."""
        if (told := context_of(event.traceparent)) is None:
            return None
        attributes = {
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.consumer.group.name": consumer,
        }
        return self._maker.start_span(f"process {event.type}", _parent(told), SpanKind.CONSUMER, attributes)

    @contextmanager
    def sending(self, payloads: Sequence[bytes]) -> Iterator[None]:
        """The span of a batch that is sent inside, linked to the traces of its events; none where they have none."""
        told = {found.span_id: found for payload in payloads if (found := _told_in(payload)) is not None}
        if not told:
            yield
            return
        attributes: dict[str, str | int] = {
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.batch.message_count": len(payloads),
        }
        links = [Link(context) for context in list(told.values())[:MOST_LINKS]]
        span = self._maker.start_span("send", Context(), SpanKind.PRODUCER, attributes, links)
        try:
            yield
        except BaseException as error:
            fail(span, type(error).__name__)
            raise
        finally:
            span.end()


def end_request(span: Span, method: str, route: str, status: int, error: str | None) -> None:
    """Ends it. `route`: its template, or the word that stands for none; `error`: the class of what was not foreseen."""
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("http.route", route)
    span.update_name(f"{_word(method)} {route}")
    if error is not None or status >= 500:
        fail(span, error or str(status))
    span.end()


def fail(span: Span, error: str) -> None:
    """Mark it. `error`: a class or a code; a message may be personal."""
    span.set_attribute("error.type", error)
    span.set_status(StatusCode.ERROR)


def _word(method: str) -> str:
    return method if method in METHODS else "HTTP"


def _parent(context: SpanContext | None) -> Context:
    """Never the current one: units of work run on threads, and many requests share one."""
    return Context() if context is None else set_span_in_context(NonRecordingSpan(context), Context())


def _told_in(payload: bytes) -> SpanContext | None:
    """The sampled trace that the event of these bytes belongs to."""
    if b'"traceparent":' not in payload:
        return None
    found = context_of(orjson.loads(payload).get("traceparent"))
    return found if found is not None and found.trace_flags.sampled else None


def _written(context: SpanContext) -> str:
    trace, span = format_trace_id(context.trace_id), format_span_id(context.span_id)
    return f"00-{trace}-{span}-{context.trace_flags:02x}"
