"""Ends what a cluster has started when the cluster itself is gone, however it went.

The system tells a child of its parent's end, but not that child's children: a shell's Java, a server's workers. So a
process of its own reads the groups that run from a pipe, which the system closes at the latest.

Each process tells its number itself, before it becomes the program: there is no moment at which it runs unknown.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

_TOLD = 'echo "$$" >&0; exec "$@" </dev/null'


class Guard:
    """For one cluster."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-IS", __file__], stdin=subprocess.PIPE, start_new_session=True, text=True
        )
        assert self._process.stdin is not None  # noqa: S101
        self._pipe = self._process.stdin

    def launch(
        self, words: Sequence[str], folder: Path, environment: Mapping[str, str], output: BinaryIO
    ) -> "subprocess.Popen[bytes]":
        """A process in a group and a session of its own: Ctrl-C is for whoever started the cluster. Raises OSError."""
        return subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _TOLD, "sh", *words],
            cwd=folder,
            env=dict(environment),
            stdin=self._pipe,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def forget(self, process: "subprocess.Popen[bytes]") -> None:
        """All of it has ended: its number may be somebody else's soon."""
        print(f"-{process.pid}", file=self._pipe, flush=True)

    def dismiss(self) -> None:
        """Whatever still runs is killed."""
        self._pipe.close()
        self._process.wait()


def _guard() -> None:
    groups: set[int] = set()
    for line in sys.stdin:
        number = int(line)
        groups.discard(-number) if number < 0 else groups.add(number)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    _guard()
