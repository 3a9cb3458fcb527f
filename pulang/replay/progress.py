"""How far the replay is, on standard error: bars on a terminal, else a line at every tenth."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

STAGES = {
    "arrival": "registered, screened, consented",
    "stay": "checked in",
    "aid": "hygiene kits",
    "care": "sessions",
    "home": "back home",
}


class Progress(Protocol):
    """Is told what there is to do and what is done, by stage."""

    def __enter__(self) -> "Progress": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def expect(self, stage: str, total: int, done: int) -> None: ...

    def advance(self, stage: str, by: int = 1) -> None: ...


class Bars:
    """A bar a stage."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bars: RichProgress = Progress(
            TextColumn("{task.description:>32}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            refresh_per_second=4,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "Bars":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def expect(self, stage: str, total: int, done: int) -> None:
        self._tasks[stage] = self._bars.add_task(STAGES[stage], total=total, completed=done)

    def advance(self, stage: str, by: int = 1) -> None:
        self._bars.advance(self._tasks[stage], by)


class Lines:
    """A line whenever another tenth of a stage is done."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> "Lines":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def expect(self, stage: str, total: int, done: int) -> None:
        self._counts[stage] = (done, total)
        if done:
            print(f"{STAGES[stage]}: {done} of {total} were there already", file=sys.stderr)

    def advance(self, stage: str, by: int = 1) -> None:
        done, total = self._counts[stage]
        self._counts[stage] = (done + by, total)
        if (done + by) * 10 // total > done * 10 // total:
            print(f"{STAGES[stage]}: {done + by} of {total}", file=sys.stderr, flush=True)


def progress() -> Progress:
    """What fits standard error."""
    return Bars() if sys.stderr.isatty() else Lines()
