"""`pulang up`: one process, one folder, one address."""

import contextlib
import fcntl
import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pulang.server import CannotStart, address_of, listen, run
from shared.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI


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


def serve(settings: Settings, host: str, port: int, insecure_dev_tokens: bool = False) -> None:
    """Run until SIGINT or SIGTERM. The address stands in `DATA/url` while it runs. Raises CannotStart."""
    if not insecure_dev_tokens and not is_loopback(host):
        raise CannotStart(
            f"{host} can be reached from other machines, and development tokens open everything: "
            "use 127.0.0.1, or --insecure-dev-tokens if you know why"
        )
    with alone_on(settings), listen(host, port) as bound:
        _run(settings, bound)


def _run(settings: Settings, bound: socket.socket) -> None:
    from pulang.app import create_app

    address = settings.address
    temporary = address.with_suffix(".new")

    def made() -> "FastAPI":
        app = create_app(settings)
        temporary.write_text(address_of(bound) + "\n")
        os.replace(temporary, address)
        return app

    try:
        run(made, bound)
    finally:
        address.unlink(missing_ok=True)
