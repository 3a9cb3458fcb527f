"""Names of hosts: asked of the system's resolver, on threads that nobody else waits for.

A name server that says nothing holds its thread for longer than anyone waits for an answer. So each line has a thread
of its own, and an agency some more for what it asks for itself (registrations, pings): it holds up nobody but itself.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host. Raises OSError."""


class Names:
    """Lookups of one who asks, so many at once; the next ones wait. Threads end with the process, whatever they wait
    for."""

    def __init__(self, at_once: int = 1) -> None:
        self._free = asyncio.Semaphore(at_once)

    async def look_up(self, host: str, port: int) -> Sequence[str]:
        """As the system has it. Raises OSError."""
        await self._free.acquire()  # until the thread has its answer, also where nobody waits for it any more
        loop, answer = asyncio.get_running_loop(), asyncio.Future[Sequence[str]]()

        def ask() -> None:
            try:
                tell = partial(answer.set_result, list(dict.fromkeys(_ask(host, port))))
            except Exception as failed:
                tell = partial(answer.set_exception, failed)
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(told, tell)

        def told(tell: Callable[[], None]) -> None:
            self._free.release()
            if not answer.done():
                tell()

        threading.Thread(target=ask, name="webhook-names", daemon=True).start()
        return await answer


class Asking:
    """What an agency asks for by itself: some at once, in its own turn."""

    AT_ONCE = 2

    def __init__(self) -> None:
        self.names = Names(self.AT_ONCE)
        self.pings = asyncio.Semaphore(self.AT_ONCE)
        """Under way: somebody waits for each."""


def _ask(host: str, port: int) -> list[str]:
    return [str(address[0]) for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
