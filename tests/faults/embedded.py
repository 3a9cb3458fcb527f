"""An embedded Pulang, as a process that a test may kill, freeze, and leave without disk."""

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.faults.schedule import Fault, Heal, Kind
from tests.real.processes import free_ports

ROOT = Path(__file__).parents[2]
READY_WITHIN_SECONDS = 60
TMPFS_BYTES = 256 * 1024 * 1024
KINDS = (
    Kind("kill", ("pulang",), 0.0, 1.0, weight=2),
    Kind("kill twice", ("pulang",), 0.0, 1.5),
    Kind("freeze", ("pulang",), 0.5, 6.0),
    Kind("full disk", ("pulang",), 0.5, 4.0, weight=2),
)
"""A frozen one outlasts the patience of a request at times."""


class Disk:
    """Where the data folder is, and how it becomes full."""

    kind: str

    def fill(self, pid: int) -> None:
        """No more can be written by that process."""
        raise NotImplementedError

    def free(self, pid: int) -> None:
        raise NotImplementedError


class RamDisk(Disk):
    """A small tmpfs: ENOSPC, as on a real disk. Needs root."""

    kind = "tmpfs"

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self, pid: int) -> None:
        with self._ballast.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            for size in (1024 * 1024, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        ballast.write(b"\0" * size)

    def free(self, pid: int) -> None:
        self._ballast.unlink(missing_ok=True)


class LimitedDisk(Disk):
    """RLIMIT_FSIZE of the running process: EFBIG at whatever makes a file longer than a page."""

    kind = "RLIMIT_FSIZE"

    def fill(self, pid: int) -> None:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))

    def free(self, pid: int) -> None:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A tmpfs mounted on `folder`; where that may not be done, a limit on the length of files."""
    mount = shutil.which("mount") if os.geteuid() == 0 else None
    words = (mount, "-t", "tmpfs", "-o", f"size={TMPFS_BYTES},mode=700", "tmpfs", folder)
    if mount is None or subprocess.run(words, capture_output=True).returncode:
        yield LimitedDisk()
        return
    try:
        yield RamDisk(folder)
    finally:
        subprocess.run(("umount", "--lazy", folder), check=True)


class Embedded:
    """`pulang up` on a folder. Its log stands beside the folder, on another disk."""

    def __init__(self, data: Path, disk: Disk) -> None:
        self.data = data
        self.disk = disk
        (self._port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self._port}"
        self.log = data.parent / "up.log"
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Returns at once."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PULANG_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220
                [sys.executable, "-m", "pulang", "up", "--data", str(self.data), "--port", str(self._port)],
                cwd=ROOT,
                env=kept | {"PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )
        self.starts += 1

    async def ready(self) -> None:
        """Until it answers. Raises AssertionError where it ended by itself, TimeoutError."""
        assert self._process is not None
        async with asyncio.timeout(READY_WITHIN_SECONDS), httpx.AsyncClient(trust_env=False) as http:
            while True:
                assert self._process.poll() is None, self.log.read_text()[-2000:]
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get(f"{self.url}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        """As a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """As an operator would; its exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=20)

    async def break_it(self, fault: Fault) -> Heal:
        """Do what a schedule says."""
        await self.ready()  # of a start on a full disk no more is asked than that it is refused
        match fault.kind:
            case "kill":
                self.kill()
                return self._start_again
            case "kill twice":  # the second time while it starts, or a little later
                self.kill()
                await self.start()
                return self._kill_again
            case "freeze":
                os.kill(self.pid, signal.SIGSTOP)
                return self._thaw
            case "full disk":
                self.disk.fill(self.pid)
                return self._free
            case _:
                raise ValueError(fault.kind)

    async def _start_again(self) -> None:
        await self.start()
        await self.ready()

    async def _kill_again(self) -> None:
        self.kill()
        await self._start_again()

    async def _thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    async def _free(self) -> None:
        self.disk.free(self.pid)
