"""A TCP proxy whose connections a test can spoil: in the middle of a request, of a commit, of a batch."""

import asyncio
import contextlib
import socket
from enum import StrEnum
from types import TracebackType

CHUNK_BYTES = 64 * 1024
UNHEARD_SECONDS = 12.0
"""After which a server has found out by TCP that its client is gone; see UNHEARD of the database."""


class Mode(StrEnum):
    """What the proxy does with its connections."""

    PASS = "pass"
    DELAY = "delay"
    """Every piece is held back for `delay_seconds`, in order."""
    SILENCE = "silence"
    """Connections stay open, and nothing comes through: as when a cable is pulled. Kept, and delivered by `heal`."""
    REFUSE = "refuse"
    """A new connection is reset at once; those that are open go on."""


class Proxy:
    """Listens on a port of the loopback and forwards to `target`. Use as `async with`."""

    def __init__(self, target: tuple[str, int], host: str = "127.0.0.1", port: int = 0) -> None:
        self.target = target
        self.mode = Mode.PASS
        self.delay_seconds = 0.0
        self.accepted = 0
        """Connections so far."""
        self._host, self._port = host, port
        self._flows = asyncio.Event()
        self._flows.set()
        self._pairs: set[_Pair] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = False

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._take, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._ending = True
        self._server.close()
        self.drop()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def address(self) -> tuple[str, int]:
        return self._host, self._port

    @property
    def open(self) -> int:
        """Connections that are open now."""
        return len(self._pairs)

    def heal(self) -> None:
        """Everything comes through again, what was held back first."""
        self.mode, self.delay_seconds = Mode.PASS, 0.0
        self._flows.set()

    def delay(self, seconds: float) -> None:
        self.mode, self.delay_seconds = Mode.DELAY, seconds

    def silence(self) -> None:
        self.mode = Mode.SILENCE
        self._flows.clear()

    def refuse(self) -> None:
        self.mode = Mode.REFUSE

    def drop(self) -> int:
        """Reset every open connection, in the middle of whatever it does; how many there were."""
        pairs = list(self._pairs)
        for pair in pairs:
            pair.reset()
        return len(pairs)

    def half_close(self) -> int:
        """End the direction towards the target, and leave the way back open; how many connections there were."""
        pairs = list(self._pairs)
        for pair in pairs:
            pair.end_towards_target()
        return len(pairs)

    def forget(self) -> int:
        """Open connections stay open, and nothing comes through any more, not even their end: as when a firewall has
        lost them. New ones pass. How many there were.

        Kafka and PostgreSQL ask by TCP whether the other end is there still. That the proxy cannot swallow, so that it
        ends the connection for them when they would have.
        """
        pairs = list(self._pairs)
        for pair in pairs:
            pair.forgotten = True
            asyncio.get_running_loop().call_later(UNHEARD_SECONDS, pair.end_unheard)
        return len(pairs)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._forward(reader, writer)
        except asyncio.CancelledError:
            if not self._ending:
                raise
        finally:
            self._tasks.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.mode is Mode.REFUSE:
            _reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            _reset(writer)
            return
        pair = _Pair(writer, far_writer)
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(pair, reader, far_writer))
                both.create_task(self._pump(pair, far_reader, writer))
        except* (OSError, RuntimeError):
            pair.reset()
        finally:
            self._pairs.discard(pair)
            pair.close()

    async def _pump(self, pair: "_Pair", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(CHUNK_BYTES):
                if self.mode is Mode.DELAY:
                    await asyncio.sleep(self.delay_seconds)
                await self._flows.wait()
                if pair.forgotten:
                    continue
                if writer.is_closing():
                    return
                writer.write(piece)
                await writer.drain()
        except (OSError, RuntimeError):  # RuntimeError: sent into the half that a fault has closed
            if not pair.forgotten:
                raise
        with contextlib.suppress(OSError):
            await self._flows.wait()
            if writer.can_write_eof() and not writer.is_closing() and not pair.forgotten:
                writer.write_eof()


class _Pair:
    """The two halves of one forwarded connection."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self._near, self._far = near, far
        self.forgotten = False

    def reset(self) -> None:
        _reset(self._near)
        _reset(self._far)

    def end_towards_target(self) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            if not self._far.is_closing():
                self._far.write_eof()

    def end_unheard(self) -> None:
        _reset(self._far)

    def close(self) -> None:
        self._near.close()
        self._far.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST in place of FIN: what was not delivered is lost, as when a machine dies."""
    raw = writer.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()
