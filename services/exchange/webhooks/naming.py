"""Names of hosts: asked of the system's resolver, on threads of their own, so that no slow name delays others' work."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host. Raises OSError."""
THREADS = 16


async def look_up(host: str, port: int) -> Sequence[str]:
    """As the system has it. Raises OSError."""
    found = await asyncio.get_running_loop().run_in_executor(_threads(), _ask, host, port)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _ask(host: str, port: int) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str | int, ...]]]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)  # type: ignore[return-value]


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="webhook-names")
