"""The proxy spoils connections as it is told, and lets them pass otherwise."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.proxy import Proxy


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """In front of a server that sends back what it gets, and says `bye` when the sender has ended."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(1024):
                writer.write(piece)
                await writer.drain()
            writer.write(b"bye")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with Proxy(server.sockets[0].getsockname()[:2]) as one:
        yield one
    server.close()
    await server.wait_closed()


class Caller:
    """One connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def asks(self, words: bytes, within_seconds: float = 2.0) -> bytes:
        self._writer.write(words)
        return await self.hears(len(words), within_seconds)

    async def hears(self, count: int, within_seconds: float = 2.0) -> bytes:
        async with asyncio.timeout(within_seconds):
            return await self._reader.readexactly(count)

    def leaves(self) -> None:
        self._writer.close()


@contextlib.asynccontextmanager
async def calling(proxy: Proxy) -> AsyncIterator[Caller]:
    caller = Caller(*await asyncio.open_connection(*proxy.address))
    try:
        yield caller
    finally:
        caller.leaves()


async def test_what_is_sent_passes(proxy: Proxy) -> None:
    async with calling(proxy) as caller:
        assert await caller.asks(b"hello") == b"hello"
        assert await caller.asks(b"x" * 300_000) == b"x" * 300_000
        assert proxy.open == 1


async def test_open_connections_are_reset_in_the_middle(proxy: Proxy) -> None:
    async with calling(proxy) as caller:
        await caller.asks(b"hello")
        assert proxy.drop() == 1
        with pytest.raises(ConnectionResetError):
            await caller.asks(b"again")
    async with calling(proxy) as another:
        assert await another.asks(b"hello") == b"hello"


async def test_a_silent_connection_stays_open_and_delivers_later(proxy: Proxy) -> None:
    async with calling(proxy) as caller:
        await caller.asks(b"hello")
        proxy.silence()
        with pytest.raises(TimeoutError):
            await caller.asks(b"again", within_seconds=0.2)
        proxy.heal()
        assert await caller.hears(5) == b"again"


async def test_a_delayed_connection_is_late_and_in_order(proxy: Proxy) -> None:
    proxy.delay(0.1)
    async with calling(proxy) as caller:
        began = time.monotonic()
        assert await caller.asks(b"one") + await caller.asks(b"two") == b"onetwo"
        assert time.monotonic() - began >= 0.4
        proxy.heal()
        began = time.monotonic()
        await caller.asks(b"three")
        assert time.monotonic() - began < 0.1


async def test_a_half_closed_connection_still_answers(proxy: Proxy) -> None:
    async with calling(proxy) as caller:
        await caller.asks(b"hello")
        assert proxy.half_close() == 1
        assert await caller.hears(3) == b"bye"


async def test_a_forgotten_connection_is_neither_answered_nor_ended(proxy: Proxy) -> None:
    async with calling(proxy) as old:
        await old.asks(b"hello")
        assert proxy.forget() == 1
        async with calling(proxy) as new:
            assert await new.asks(b"hello") == b"hello"
        with pytest.raises(TimeoutError):
            await old.asks(b"still", within_seconds=0.2)
        proxy.heal()
        with pytest.raises(TimeoutError):
            await old.hears(1, within_seconds=0.2)


async def test_new_connections_are_refused_and_old_ones_go_on(proxy: Proxy) -> None:
    async with calling(proxy) as old:
        await old.asks(b"hello")
        proxy.refuse()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            async with calling(proxy) as new:
                await new.asks(b"hello")
        assert await old.asks(b"still") == b"still"
        proxy.heal()


async def test_a_target_that_is_away_is_a_reset(proxy: Proxy) -> None:
    proxy.target = ("127.0.0.1", 1)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        async with calling(proxy) as caller:
            await caller.asks(b"hello")
