"""Programs that tests start: they end with pytest, however that ends."""

import ctypes
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import pytest

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def end_with_parent(how: signal.Signals = signal.SIGTERM) -> None:
    """For `preexec_fn`: on Linux the system sends the program this when the thread that started it has gone."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, how)


def free_ports(count: int) -> list[int]:
    """Below the range from which the system takes ports for outgoing connections: what is started again has to get its
    own back. Raises OSError."""
    found: list[int] = []
    for port in random.SystemRandom().sample(range(15_000, 32_000), 200):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise OSError("there are no free ports")


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder through which other users may pass, as PostgreSQL must, which root does not run. pytest's own are closed
    again whenever another pytest starts."""
    folder = Path(tempfile.mkdtemp(prefix="pulang-"))
    try:
        folder.chmod(0o711)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def skip_or_fail(what: str, reason: str) -> NoReturn:
    """Without a real part tests are skipped; with CI=true they fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"no real {what}: {reason}")
    pytest.skip(f"no real {what}: {reason}")
