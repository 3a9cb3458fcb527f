"""What a run left behind, each thing by its name: files as bytes, databases by row, topics by record."""

import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from shared.bus.protocol import Bus, stretch
from tests.canary.asking import Answered
from tests.canary.marks import Found, Marks, chunks

Named = tuple[str, bytes]


@dataclass
class Search:
    """Looks at one thing after the other, and keeps what it found. `known`: a mark that may stand in these places."""

    marks: Marks
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    found: dict[str, list[Found]] = field(default_factory=dict)
    public: set[str] = field(default_factory=set)
    seen: dict[str, int] = field(default_factory=dict)
    """Bytes that were looked at, by kind."""

    def look(self, kind: str, things: Iterable[Named]) -> None:
        self.seen.setdefault(kind, 0)
        for name, content in things:
            self.seen[kind] += len(content)
            self.public |= self.marks.public_in(content)
            wrong = [one for one in self.marks.found_in(content) if not self._may_stand(one, f"{kind} {name}")]
            if wrong:
                self.found.setdefault(f"{kind} {name}", []).extend(wrong)

    def _may_stand(self, found: Found, where: str) -> bool:
        return any(where.startswith(place) for place in self.known.get(found.mark, ()))

    def report(self) -> str:
        """Each place with the first few of what stands there."""
        lines = []
        for where, several in sorted(self.found.items()):
            lines.append(f"{where}: {len(several)}")
            lines += [f"    {one}" for one in several[:4]]
        return "\n".join(lines)


def files(folder: Path) -> Iterator[Named]:
    """Every file below, whatever it is."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            for chunk in chunks(path):
                yield str(path.relative_to(folder)), chunk


def rows(folder: Path) -> Iterator[Named]:
    """Every table of every SQLite file below: in the file itself a long value may be cut in two by a page."""
    for path in sorted(folder.rglob("*.db")):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
            file.text_factory = bytes
            for (table,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                content = bytearray()
                for row in file.execute(f'SELECT * FROM "{table.decode()}"'):
                    content += (
                        b"\x1f".join(one if isinstance(one, bytes) else str(one).encode() for one in row) + b"\x1e"
                    )
                yield f"{path.relative_to(folder)} {table.decode()}", bytes(content)


async def topics(bus: Bus, names: Iterable[str]) -> AsyncIterator[Named]:
    """Every record of these topics: key, headers, value."""
    for name in names:
        content = bytearray()
        for place, extent in (await bus.extents(name)).items():
            for record in await stretch(bus, place, extent):
                content += repr((record.key, record.headers)).encode() + b" " + (record.value or b"") + b"\n"
        yield name, bytes(content)


def answers(some: Iterable[Answered]) -> Iterator[Named]:
    """But for those that show a text to who may read it."""
    for one in some:
        if not one.may_show:
            yield f"{one.status} {one.asked}", one.content
