"""Names of hosts: asked of the system's resolver, on threads that nobody else waits for.

A name server that says nothing holds its thread for longer than anyone waits for an answer. So each line has a thread
of its own, and an agency some more for what it asks for itself (registrations, pings): it holds up nobody but itself.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host. Raises OSError."""


class Names:
    """Lookups of one who asks, so many at once; the next ones wait. Threads are made when they are needed."""

    def __init__(self, at_once: int = 1) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="webhook-names")

    async def look_up(self, host: str, port: int) -> Sequence[str]:
        """As the system has it. Raises OSError."""
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _ask, host, port)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    def close(self) -> None:
        """Whoever still waits is let go; a thread that is held ends with its answer."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Asking:
    """What an agency asks for by itself: some at once, in its own turn."""

    AT_ONCE = 2

    def __init__(self) -> None:
        self.names = Names(self.AT_ONCE)
        self.pings = asyncio.Semaphore(self.AT_ONCE)
        """Under way: somebody waits for each."""


def _ask(host: str, port: int) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str | int, ...]]]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)  # type: ignore[return-value]
