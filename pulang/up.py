"""`pulang up`: one process, one folder, one address."""

import contextlib
import fcntl
import gc
import ipaddress
import os
import socket
import sys
from collections.abc import Iterator

from shared.settings import Settings

COLLECT_AFTER = (50_000, 20, 20)
"""Objects in hand before a collection: a manifest makes forty a row, and nearly all are gone without one."""
GRACE_SECONDS = 5
"""How long requests in hand may take after SIGTERM; the whole ends within 10 s."""


class CannotStart(Exception):
    """Pulang cannot start; the message says what to do."""


@contextlib.contextmanager
def alone_on(settings: Settings) -> Iterator[None]:
    """Hold the data folder: two processes on one SQLite file would be two writers. Raises CannotStart."""
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = settings.lock.open("a")
    except OSError as broken:
        raise CannotStart(
            f"cannot write to {settings.data} ({broken.strerror}): choose another folder with --data"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(
                f"another Pulang runs on {settings.data}: stop it, or choose another folder with --data"
            ) from None
        yield


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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


def serve(settings: Settings, host: str, port: int, insecure_dev_tokens: bool = False) -> None:
    """Run until SIGINT or SIGTERM. The address stands in `DATA/url` while it runs. Raises CannotStart."""
    if not insecure_dev_tokens and not is_loopback(host):
        raise CannotStart(
            f"{host} can be reached from other machines, and development tokens open everything: "
            "use 127.0.0.1, or --insecure-dev-tokens if you know why"
        )
    with alone_on(settings), listen(host, port) as bound:
        _run(settings, bound)


def _spare_the_collector() -> None:
    """What is made at the start stays for good: it need not be looked through again at every collection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    gc.enable()


def _run(settings: Settings, bound: socket.socket) -> None:
    gc.disable()  # until everything is made: hardly anything of it is garbage
    import uvicorn

    from pulang.app import create_app
    from shared.telemetry import set_up_logging

    set_up_logging(sys.stderr)
    host, port = bound.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    app = create_app(settings)
    _spare_the_collector()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    temporary = settings.address.with_suffix(".new")
    temporary.write_text(address + "\n")
    os.replace(temporary, settings.address)
    try:
        server.run(sockets=[bound])
    finally:
        settings.address.unlink(missing_ok=True)
    if not server.started:
        raise CannotStart("Pulang did not start: the log above says why")
