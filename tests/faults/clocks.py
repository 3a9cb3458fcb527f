"""A process whose clock a test sets: libfaketime, from Debian's package, unpacked and not installed."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LIBRARY = "libfaketimeMT.so.1"


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of one process. Without a file it is the machine's, and `lacks` says why."""

    file: Path | None
    lacks: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    """For the process."""

    def step(self, seconds: int) -> None:
        """So far from the machine's clock, within a second from now; 0 is right again."""
        assert self.file is not None
        draft = self.file.with_suffix(".new")
        draft.write_text(f"{seconds:+}s\n")
        draft.chmod(0o644)
        draft.replace(self.file)


def clock_in(folder: Path) -> Clock:
    """A right clock, to be set later; what it needs is unpacked into `folder`."""
    store = folder / "faketime"
    store.mkdir(parents=True, exist_ok=True)
    found = next(iter(store.rglob(LIBRARY)), None) or _unpacked(store)
    if isinstance(found, str):
        return Clock(None, found)
    file = store / "clock"
    clock = Clock(
        file,
        environment={
            "LD_PRELOAD": str(found),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        },
    )
    clock.step(0)
    return clock


def _unpacked(store: Path) -> Path | str:
    """The library, or why there is none."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return "libfaketime comes from Debian's package, and this is no Debian"
    words = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", "libfaketime")
    try:
        subprocess.run(words, cwd=store, check=True, capture_output=True, timeout=60)
        for package in store.glob("*.deb"):
            subprocess.run(("dpkg", "-x", package, store), check=True, capture_output=True, timeout=60)
    except (subprocess.SubprocessError, OSError) as broken:
        return f"libfaketime cannot be fetched: {type(broken).__name__}"
    return next(iter(store.rglob(LIBRARY)), f"the package holds no {LIBRARY}")
