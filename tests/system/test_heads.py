"""How long a connection waits for what does not come, with times that no test has to wait out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from pulang.heads import TOO_SLOW, WHOLE_BODY_SECONDS, BoundedHeads
from tests.system.command import ROOT

NEVER = 3600.0
SHORT = 0.2
WHOLE = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nhost: x\r\nx: "
Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Server:
    """An app that answers when it is told to, and its times."""

    def __init__(self, **seconds: float) -> None:
        self.looks = 0
        self.looked_twice = asyncio.Event()
        self.answer = asyncio.Event()
        times = {"head_seconds": NEVER, "body_seconds": NEVER, "whole_body_seconds": NEVER} | seconds
        self.keep_alive = times.pop("keep_alive", NEVER)
        self.protocol = type("Timed", (BoundedHeads,), {**times, "_look": self._counted()})

    def _counted(self) -> Any:
        def look(protocol: BoundedHeads) -> None:
            self.looks += 1
            if self.looks == 2:
                self.looked_twice.set()
            BoundedHeads._look(protocol)

        return look

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            more = message.get("more_body", False)
        await self.answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    @asynccontextmanager
    async def wire(self) -> AsyncIterator[Wire]:
        """A connection to it."""
        loop = asyncio.get_running_loop()
        config = uvicorn.Config(
            self.app,
            http=self.protocol,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=self.keep_alive,  # type: ignore[arg-type]
        )
        config.load()
        state = uvicorn.server.ServerState()
        server = await loop.create_server(
            lambda: self.protocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        try:
            yield reader, writer
        finally:
            writer.close()
            server.close()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the connection is closed."""
    async with asyncio.timeout(30):
        return await reader.read()


async def test_a_connection_that_is_not_used_is_kept_as_long_as_one_that_was() -> None:
    async with Server(head_seconds=SHORT / 10, keep_alive=1).wire() as (reader, _):
        began = asyncio.get_running_loop().time()
        assert await rest(reader) == b""
        assert asyncio.get_running_loop().time() - began >= 0.9


async def test_a_head_that_stops_is_cut_off_also_behind_blank_lines() -> None:
    for begun in (HALF, b"\r\n"):
        async with Server(head_seconds=SHORT).wire() as (reader, writer):
            writer.write(begun)
            assert await rest(reader) == TOO_SLOW
    server = Server(head_seconds=SHORT)
    server.answer.set()
    async with server.wire() as (reader, writer):
        writer.write(WHOLE)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 OK")
        writer.write(b"\r\n")
        assert await rest(reader) == TOO_SLOW


async def test_half_of_a_next_head_does_not_cost_the_first_request_its_answer() -> None:
    server = Server(head_seconds=SHORT)
    async with server.wire() as (reader, writer):
        writer.write(WHOLE + HALF)
        async with asyncio.timeout(20):
            await server.looked_twice.wait()
        server.answer.set()
        got = await rest(reader)
    assert got.startswith(b"HTTP/1.1 200 OK")
    assert got.endswith(b"ok" + TOO_SLOW)


async def test_a_body_that_comes_steadily_and_too_long_is_cut_off() -> None:
    async with Server(whole_body_seconds=SHORT).wire() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n" + b"x" * 50_000)
        assert await rest(reader) == TOO_SLOW


@pytest.mark.parametrize("paused", [True, False])
async def test_who_is_not_read_from_is_not_slow_and_costs_nothing(paused: bool) -> None:
    server = Server(whole_body_seconds=SHORT, body_seconds=SHORT)
    async with server.wire() as (reader, writer):
        # A second request waits unread while the first is answered; uvicorn pauses.
        writer.write(WHOLE + b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n" + (b"" if paused else b"12345"))
        await asyncio.sleep(5 * SHORT)
        assert not reader.at_eof()
        assert server.looks <= 6
        server.answer.set()
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 OK")


def test_the_services_cut_a_body_off_before_the_gateway_does() -> None:
    """Which answers 200 to who is still sending, with nothing in it."""
    assert "read_body {$WHOLE_BODY:15m}" in (ROOT / "deploy/gateway/Caddyfile").read_text()
    assert WHOLE_BODY_SECONDS + 30 < 15 * 60
