"""A page of the documentation as a script: its commands in order, and what it says that they answer."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_EXCUSE = re.compile(r"<!-- not run: (.+) -->")
_ANY, _ANY_LINES = "…", "⋮"
_FENCE = "```"


@dataclass(frozen=True, slots=True)
class Block:
    """Some commands. `answer`: what the page shows of their standard output; None where it shows nothing."""

    line: int
    commands: str
    answer: str | None
    excuse: str | None
    """Why nobody runs them."""


def blocks_of(page: Path) -> list[Block]:
    """Every fenced block of the page. Raises ValueError where one is neither commands nor their answer."""
    found: list[Block] = []
    answered = True
    for number, language, before, text in _fences(page.read_text(encoding="utf-8").splitlines()):
        excused = _EXCUSE.fullmatch(before)
        if language == "sh":
            found.append(Block(number, text, None, excused[1] if excused else None))
            answered = excused is not None
        elif language == "text" and not answered:
            last = found.pop()
            found.append(Block(last.line, last.commands, text, None))
            answered = True
        else:
            raise ValueError(
                f"{page.name}:{number}: {language or 'a block'} is neither sh nor the text that answers it"
            )
    return found


def _fences(lines: list[str]) -> Iterator[tuple[int, str, str, str]]:
    """First line, language, the line before, and what is in it."""
    opened = None
    for index, line in enumerate(lines):
        if not line.lstrip().startswith(_FENCE):
            continue
        if opened is None:
            opened = index
        else:
            before = lines[opened - 1] if opened else ""
            yield opened + 1, lines[opened].removeprefix(_FENCE), before, "\n".join(lines[opened + 1 : index])
            opened = None


def is_as_shown(shown: str, came: str) -> bool:
    """`…` stands for anything within a line, a line of `⋮` for any lines."""
    lines = (
        r"(?:.*\n)*?" if line.strip() == _ANY_LINES else ".*".join(map(re.escape, line.split(_ANY))) + r"\n"
        for line in shown.splitlines()
    )
    return re.fullmatch("".join(lines), came.rstrip("\n") + "\n") is not None


def follow(blocks: list[Block], folder: Path, environment: Mapping[str, str], seconds: float) -> None:
    """Run them one after the other in one shell, as who reads the page does; each must succeed and answer as shown."""
    told = folder.with_name(f"{folder.name}.told")
    told.mkdir()
    steps = "".join(
        f"{{\n{block.commands}\n}} > {told}/{number}.out 2> {told}/{number}.err\n: > {told}/{number}.done\n"
        for number, block in enumerate(blocks)
    )
    script = told / "script"
    script.write_text(f"set -eu\nshopt -s inherit_errexit\n{steps}")
    reader = subprocess.Popen(["bash", script], cwd=folder, env=dict(environment), start_new_session=True)
    try:
        with suppress(subprocess.TimeoutExpired):  # told below, with the step that hangs
            reader.wait(seconds)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(reader.pid, signal.SIGKILL)  # what it left in the background, too
        reader.wait()
    differing = []
    for number, block in enumerate(blocks):
        out, err = (_read(told / f"{number}.{of}") for of in ("out", "err"))
        where = f"line {block.line}:\n{block.commands}\nanswered:\n{out[-3000:]}\n{err[-3000:]}"
        if block.answer is not None and not is_as_shown(block.answer, out):
            differing.append(f"{where}\nshown:\n{block.answer}")
        if not (told / f"{number}.done").exists():
            differing.append(f"failed, or hangs: {where}")
            break
    assert not differing, "\n\n".join(differing)


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
