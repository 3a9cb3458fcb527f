"""Requests that end: the parser by itself takes a head for as long as it comes, and waits for what does not come."""

import asyncio
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.settings import Environment, SettingInvalid

MOST_HEAD_BYTES = 64 * 1024
"""A token has 8 KiB at most, and proxies add a few hundred bytes."""
HEAD_SECONDS = 10
"""From its first byte on, until a head is whole; the gateway gives it as long. Before, the keep-alive time counts."""
BODY_SECONDS = 30
"""In each such stretch of a body, LEAST_BODY_BYTES come."""
LEAST_BODY_BYTES = 32 * 1024
WHOLE_BODY_SECONDS = 14 * 60
"""Of a body from end to end, 4 MiB at 40 kbit/s: less than the gateway gives it, which says nothing true of what it
cuts off."""
REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/problem+json\r\n"
    b"content-length: 79\r\nconnection: close\r\n\r\n"
    b'{"type":"about:blank","title":"Request Header Fields Too Large","status":431}\r\n'
)
TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/problem+json\r\n"
    b"content-length: 61\r\nconnection: close\r\n\r\n"
    b'{"type":"about:blank","title":"Request Timeout","status":408}'
)


class BoundedHeads(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, for a request whose head is small and that comes to an end.

    Who sends more than 64 KiB before the body, or too slowly, is cut off. While the app does not read, nobody is slow.
    """

    head_seconds: ClassVar[float] = HEAD_SECONDS
    body_seconds: ClassVar[float] = BODY_SECONDS
    whole_body_seconds: ClassVar[float] = WHOLE_BODY_SECONDS

    _in_head = True
    _in_body = False
    _head_bytes = 0
    """Of what came since the piece in which the head began: that one also holds what stood before."""
    _body_bytes = 0
    """Since the stretch began."""
    _body_until = 0.0
    """When the body must be whole, by the loop's clock."""
    _due: asyncio.TimerHandle | None = None
    _unused = True
    """No byte has come yet."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._due = self.loop.call_later(self.timeout_keep_alive, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, -1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body, self._body_bytes = False, True, 0
        self._body_until = self.loop.time() + self.whole_body_seconds
        self._unwatch()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        self._unwatch()
        super().on_message_complete()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Not of a trailer: nothing here reads any, and they would be kept for as long as they come."""
        if self._in_head:
            super().on_header(name, value)

    def data_received(self, data: bytes) -> None:
        if self._unused:
            self._unused = False
            self._unwatch()
        super().data_received(data)
        if self.transport.is_closing():
            return
        if not self._in_body and self._is_answered() and self.timeout_keep_alive_task is None:
            # Blank lines, which the parser passes over: the keep-alive time does not count any more.
            self._in_head = True
        self._watch()
        if not self._in_head:
            return
        self._head_bytes = 0 if self._head_bytes < 0 else self._head_bytes + len(data)
        if self._head_bytes > MOST_HEAD_BYTES:
            self.transport.write(REFUSAL)
            self.transport.close()

    def _watch(self) -> None:
        """Only over what did not come in one piece: most requests need no timer."""
        if self._due is None and (self._in_head or self._in_body):
            left = self._body_until - self.loop.time()
            stretch = min(self.body_seconds, left) if left > 0 else self.body_seconds
            self._due = self.loop.call_later(self.head_seconds if self._in_head else stretch, self._look)

    def _unwatch(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _look(self) -> None:
        self._due = None
        if self.transport.is_closing():
            return
        if self._goes_on():
            self._body_bytes = 0
            self._watch()
            return
        if self._in_head or not self.cycle.response_started:
            self.transport.write(TOO_SLOW)
        self.transport.close()

    def _is_answered(self) -> bool:
        """Whether no request is in hand. Before the first there is no cycle, whatever its type says."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete

    def _goes_on(self) -> bool:
        """Whether there is nothing to cut off yet. What is behind a request that is still answered waits for that."""
        if self._in_head:
            return not self._is_answered()
        enough = self._body_bytes >= LEAST_BODY_BYTES and self.loop.time() < self._body_until
        return self._in_body and (bool(self.pipeline) or self.flow.read_paused or enough)


def bounded(environment: Environment) -> type[BoundedHeads]:
    """`PULANG_HEAD_SECONDS`, `PULANG_BODY_SECONDS`: whole seconds, from 1 on; nothing is as usual.

    Raises SettingInvalid.
    """

    def seconds(name: str, usual: int) -> int:
        text = environment.text_or(name, str(usual))
        if not (text.isascii() and text.isdigit() and 0 < int(text) <= 3600):
            raise SettingInvalid(f"{name} must be a number of seconds, from 1 to 3600")
        return int(text)

    said: dict[str, Any] = {
        "head_seconds": seconds("PULANG_HEAD_SECONDS", HEAD_SECONDS),
        "body_seconds": seconds("PULANG_BODY_SECONDS", BODY_SECONDS),
    }
    return type("Bounded", (BoundedHeads,), said)
