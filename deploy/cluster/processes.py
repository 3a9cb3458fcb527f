"""A container as a local process: started, watched, started again, stopped."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from deploy.cluster.compose import Check
from deploy.cluster.guard import Guard
from pulang.complaint import Complaint

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS, _STEADY_SECONDS = 0.1, 60.0, 10.0
"""As Docker: the pause before another start doubles, and begins anew after a run that lasted."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run for one replica, everything translated."""

    service: str
    replica: int
    words: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    """Working folder."""
    log: Path
    check: Check | None
    restart: str
    stop_signal: str
    grace: float

    @property
    def name(self) -> str:
        return f"{self.service}-{self.replica}"


class Replica:
    """One replica. `tick`, `start` and `stop` belong to the cluster's thread; all else to anyone."""

    def __init__(self, launch: Launch, guard: Guard) -> None:
        self.launch = launch
        self._guard = guard
        self.healthy: bool | None = None
        """None until the first check that counts."""
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._checking: subprocess.Popen[bytes] | None = None
        self._started = self._checked = self._again = 0.0
        self._pause = _FIRST_PAUSE_SECONDS
        self._failures = 0
        self._kept_down = False

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def status(self) -> int | None:
        """With which it ended; None while it runs, or before."""
        return None if self._process is None else self._process.poll()

    @property
    def comes_back(self) -> bool:
        """Whether its restart policy starts it again after an end such as its last one."""
        policy, status = self.launch.restart, self.status
        if policy.startswith("on-failure"):
            _, _, most = policy.partition(":")
            return status != 0 and (not most or self.starts <= int(most))
        return policy != "no"

    def kill(self) -> None:
        """SIGKILL to it and what it started, as when the power goes; its restart policy then starts it again."""
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: it is there, and does nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def keep_down(self) -> None:
        """As `kill`, and it stays so until `let_up`."""
        self._kept_down = True
        self.kill()

    def let_up(self) -> None:
        self._kept_down = False

    def start(self) -> None:
        """Raises Complaint where there is no such program."""
        launch = self.launch
        self.healthy, self._failures = None, 0
        self._started = self._checked = time.monotonic()
        self.starts += 1
        with launch.log.open("ab") as log:
            self._process = self._launch(launch.words, log)

    def tick(self) -> None:
        """Starts it again, or checks its health, where it is time to."""
        now = time.monotonic()
        if self._process is None:
            return
        if self._process.poll() is None:
            self._check(now)
        elif self.comes_back:
            self._end_check()
            if not self._again:
                self._end_rest()
                self._pause = _FIRST_PAUSE_SECONDS if now - self._started >= _STEADY_SECONDS else self._pause
                self._again = now + self._pause
                self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
            elif now >= self._again and not self._kept_down:
                self._again = 0.0
                self.start()

    def ask_to_stop(self) -> None:
        """The service's own signal; whoever is frozen hears it, too."""
        self._end_check()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.Signals[self.launch.stop_signal])
            self.thaw()

    def end(self, deadline: float) -> bool:
        """Waits until `deadline` (monotonic), then kills; whether it ended by itself."""
        if self._process is None:
            return True
        in_time = True
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            in_time = False
        self._end_rest()
        self._process.wait()
        return in_time

    def last_words(self) -> str:
        """The last line of its log."""
        with contextlib.suppress(OSError):
            lines = self.launch.log.read_bytes()[-2000:].decode("utf-8", "replace").strip().splitlines()
            return lines[-1][:300] if lines else ""
        return ""

    def _check(self, now: float) -> None:
        check = self.launch.check
        if check is None:
            return
        if self._checking is None:
            starting = self.healthy is None and now - self._started < check.start_period
            if now - self._checked >= (check.start_interval if starting else check.interval):
                self._checked = now
                with self.launch.log.with_suffix(".health").open("wb") as said:
                    self._checking = self._launch(check.words, said)
            return
        status = self._checking.poll()
        if status is None and now - self._checked < check.timeout:
            return
        self._end_check()
        self._checked = now
        if status == 0:
            self.healthy, self._failures = True, 0
        elif self.healthy or now - self._started >= check.start_period:
            self._failures += 1
            if self._failures >= check.retries:
                self.healthy = False

    def _end_check(self) -> None:
        checking, self._checking = self._checking, None
        if checking is not None:
            _signal_group(checking.pid, signal.SIGKILL)
            checking.wait()
            self._guard.forget(checking)

    def _launch(self, words: Sequence[str], output: BinaryIO) -> "subprocess.Popen[bytes]":
        launch = self.launch
        inside = launch.folder / words[0] if "/" in words[0] else words[0]
        program = shutil.which(inside, path=launch.environment["PATH"])
        if program is None:
            raise Complaint(f"services.{launch.service}: there is no program {words[0]} here")
        try:
            return self._guard.launch([program, *words[1:]], launch.folder, launch.environment, output)
        except OSError as broken:
            raise Complaint(f"services.{launch.service} cannot be started: {broken}") from None

    def _end_rest(self) -> None:
        """With the first process of a container, all others in it end."""
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGKILL)
            self._guard.forget(self._process)

    def _signal(self, number: signal.Signals) -> None:
        if (pid := self.pid) is not None:
            _signal_group(pid, number)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
