"""An app on a socket, until it is asked to end: what `pulang up` and `pulang serve` have in common."""

import contextlib
import gc
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from pulang.collector import collect_seldom

if TYPE_CHECKING:
    from fastapi import FastAPI

KEEP_ALIVE_SECONDS = 75
"""Longer than a gateway keeps an idle connection: closed from here, it would lose the request that is on its way."""
GRACE_SECONDS = 5
"""How long requests in hand may take after SIGTERM; the whole ends within 10 s."""


class CannotStart(Exception):
    """Pulang cannot start; the message says what to do."""


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises CannotStart."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, OverflowError) as broken:
        raise CannotStart(f"cannot listen on {host}:{port} ({broken}): choose another --host or --port") from None
    return bound


def address_of(bound: socket.socket) -> str:
    """The URL of a bound socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(make: "Callable[[], FastAPI]", bound: socket.socket) -> None:
    """Serve what `make` makes until SIGINT or SIGTERM. Raises CannotStart, and what `make` raises."""
    gc.disable()  # until everything is made: hardly anything of it is garbage
    import uvicorn

    from pulang.heads import bounded
    from shared.settings import Environment, SettingInvalid
    from shared.telemetry import set_up_logging

    set_up_logging(sys.stderr)
    try:
        http = bounded(Environment())
        app = make()
    except SettingInvalid as refused:
        raise CannotStart(str(refused)) from None
    _spare_the_collector()
    config = uvicorn.Config(
        app,
        http=http,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    with contextlib.suppress(SystemExit):  # uvicorn's way to say that it did not start
        server.run(sockets=[bound])
    if not server.started:
        raise CannotStart("Pulang did not start: the log above says why")


def _spare_the_collector() -> None:
    """What is made at the start stays for good: it need not be looked through again at every collection."""
    gc.collect()
    gc.freeze()
    collect_seldom()
    gc.enable()
