"""What a run left behind, each thing by its name: files as bytes, databases by row, topics by record."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from shared.bus.protocol import Bus, stretch
from tests.canary.asking import Answered
from tests.canary.marks import PUBLIC_PLACES, Found, Marks, chunks

Named = tuple[str, bytes]
PLAIN = (b"/intake/manifests", b"pulang.case.", *(place.encode() for place in PUBLIC_PLACES))
"""Words that are nobody's, and must be found: a route, types of events, codes of places that were made for this."""


@dataclass
class Search:
    """Looks at one thing after the other, and keeps what it found. `known`: a mark that may stand in these places."""

    marks: Marks
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    found: dict[str, list[Found]] = field(default_factory=dict)
    public: dict[str, set[str]] = field(default_factory=dict)
    """Origins of public marks that were found, by kind."""
    plain: dict[str, set[bytes]] = field(default_factory=dict)
    """By kind: of the words that must be found."""
    seen: dict[str, int] = field(default_factory=dict)
    """Bytes that were looked at, by kind."""

    def look(self, kind: str, things: Iterable[Named], may_show: Callable[[Found], bool] | None = None) -> None:
        """`may_show`: what may stand there."""
        self.seen.setdefault(kind, 0)
        public, plain = self.public.setdefault(kind, set()), self.plain.setdefault(kind, set())
        for name, content in things:
            self.seen[kind] += len(content)
            public |= self.marks.public_in(content)
            plain |= {word for word in PLAIN if self.marks.has(content, word)}
            for one in self.marks.found_in(content):
                if not self._is_known(one, f"{kind} {name}") and not (may_show and may_show(one)):
                    self.found.setdefault(f"{kind} {name}", []).append(one)

    def blind(self, kinds: Mapping[str, str]) -> list[str]:
        """Kinds in which nothing of what must stand there was found: in them a mark might not be found either.

        `kinds`: `marks`, `words` or both of them, for each.
        """
        found = {"marks": self.public, "words": self.plain}
        missed = [
            f"{kind}: no {what}" for kind, several in kinds.items() for what in several.split() if not found[what][kind]
        ]
        return [*missed, *(f"{kind}: not named" for kind in self.seen.keys() - kinds.keys())]

    def _is_known(self, found: Found, where: str) -> bool:
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


def look_at_answers(search: Search, some: Iterable[Answered]) -> None:
    """Each part by itself: what may stand in one must not stand in another."""
    for one in some:
        named = f"{one.status} {one.asked}"
        search.look("answers", [(f"{named} headers", one.headers)])
        search.look("answers", [(f"{named} link", one.link)], one.asked_for)
        search.look("answers", [(f"{named} body", one.body)], one.may_show)
