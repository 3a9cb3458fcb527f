"""What three agencies' subscribers saw, and what must be true of it."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import orjson
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event

from tests.system.command import pulang
from tests.system.seasons import rows_of

AGENCIES = ("kemensos", "bp2mi", "iom")
Seen = list[dict[str, Any]]
Result = TypeVar("Result")
_FIGURES = re.compile(rb"\d[\d-]{5,}")
_LETTER_AND_FIGURES = re.compile(rb"[A-Z]\d{6,}")
_WORDS_RUN = re.compile(rb"[A-Za-z'.-]+(?: [A-Za-z'.-]+)+")
_GAP = re.compile(rb" [A-Za-z'.-]")
_WORD_BEFORE = re.compile(rb"[A-Za-z'.-]+\Z")
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.-"
_LONGEST_WORD = 100
_CHUNK = 64 * 1024 * 1024


def watch(agency: str, *where: object, after: str | None = None) -> tuple[Seen, str]:
    """Everything the agency may see, and the cursor at the end."""
    more = () if after is None else ("--after", after)
    said = pulang("watch", agency, "--json", "--until-idle", 3, *more, *where)
    assert said.status == 0, said.err
    return [orjson.loads(line) for line in said.out.splitlines()], said.err.split()[-1]


def by_agency(read: Callable[[str], Result]) -> dict[str, Result]:
    """What each agency reads, all of them at the same time."""
    with ThreadPoolExecutor() as side_by_side:
        return dict(zip(AGENCIES, side_by_side.map(read, AGENCIES), strict=True))


def check_each_is_a_cloudevent(events: Seen) -> None:
    """As the SDK of the CloudEvents project reads it."""
    for event in events:
        message = KafkaMessage({"content-type": b"application/cloudevents+json"}, event["subject"], orjson.dumps(event))
        read = from_kafka_event(message)
        assert read.get_type() == event["type"]
        assert read.get_subject() == event["subject"]
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in {name for event in events for name in event})


def check_once_and_without_a_gap(events: Seen) -> None:
    """`streamversion` 1, 2, 3 … per (source, subject), and no event twice."""
    versions: dict[tuple[str, str], int] = defaultdict(int)
    for event in events:
        stream = event["source"], event["subject"]
        versions[stream] += 1
        assert event["streamversion"] == versions[stream], (event["type"], stream)
    assert len({(event["source"], event["id"]) for event in events}) == len(events)


def histories(events: Seen) -> dict[str, list[tuple[str, str]]]:
    """The events of each case, in their order."""
    cases = {event["subject"] for event in events if "grant" in event}
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for event in events:
        if event["subject"] in cases:
            found[event["subject"]].append((event["source"], event["id"]))
    return dict(found)


def count(events: Iterable[dict[str, Any]], fact: str) -> int:
    return sum(1 for event in events if event["type"] == f"pulang.{fact}.v1")


class Secrets:
    """What of the caseload must stand nowhere in clear: names of two words or more, NIK, documents, birth dates."""

    def __init__(self, folder: Path) -> None:
        rows = rows_of(folder)
        self.names = {tuple(row["name"].encode().split()) for row in rows if " " in row["name"].strip()}
        self.numbers = {row["nik"].encode() for row in rows if row["nik"]}
        self.documents = {row["document_number"].encode() for row in rows if row["document_number"]}
        self.births = {
            row["birth_date"].encode()
            for row in rows
            if row["birth_date"] and date.fromisoformat(row["birth_date"]) < date(2018, 1, 1)
        }
        assert self.names
        assert self.numbers
        assert self.documents
        assert self.births
        self._documents_by_end = defaultdict(set)
        for document in self.documents:
            end = _LETTER_AND_FIGURES.search(document)
            assert end is not None
            self._documents_by_end[end.group()].add(document)
        self._lengths = {len(end) for end in self._documents_by_end}

    def found_in(self, content: bytes) -> int:
        """How many of them stand there.

        What consists of figures is looked for in one search: hundreds of megabytes took half a minute with three.
        Documents by their last letter too: their figures alone stand in ids and times by the hundred.
        """
        runs = set(_FIGURES.findall(content))
        ends = {run[:length] for run in _LETTER_AND_FIGURES.findall(content) for length in self._lengths}
        documents = {
            document
            for end in self._documents_by_end.keys() & ends
            for document in self._documents_by_end[end]
            if document in content
        }
        return (
            len(self.numbers & _windows(runs, 16))
            + len(self.births & _windows(runs, 10))
            + len(documents)
            + sum(1 for run in _word_runs(content) if self._names(run))
        )

    def in_files(self, data: Path, pattern: str = "*") -> dict[str, int]:
        """The files of a folder that hold any, with how many."""
        found = {file.name: self._in_file(file) for file in data.rglob(pattern) if file.is_file()}
        return {name: number for name, number in found.items() if number}

    def _in_file(self, file: Path) -> int:
        return sum(self.found_in(chunk) for chunk in _chunks(file))

    def _names(self, run: bytes) -> bool:
        words = run.split()
        return any(
            tuple(words[start : start + length]) in self.names
            for length in range(2, 6)
            for start in range(len(words) - length + 1)
        )


def _windows(runs: Iterable[bytes], length: int) -> set[bytes]:
    """Every part of that length."""
    return {run[at : at + length] for run in runs if len(run) >= length for at in range(len(run) - length + 1)}


def _word_runs(content: bytes) -> Iterator[bytes]:
    """Words with blanks between them. Looked for at the blanks, of which compact JSON has few: at every letter it took
    half of the search."""
    end = 0
    for gap in _GAP.finditer(content):
        at = gap.start()
        if at < end or at == 0 or content[at - 1] not in _LETTERS:
            continue
        before = _WORD_BEFORE.search(content, max(end, at - _LONGEST_WORD), at)
        run = _WORDS_RUN.match(content, at if before is None else before.start())
        if run is not None:
            end = run.end()
            yield run.group()


def _chunks(file: Path) -> Iterator[bytes]:
    """Overlapping, so that nothing is cut in two."""
    with file.open("rb") as content:
        tail = b""
        while chunk := content.read(_CHUNK):
            yield tail + chunk
            tail = chunk[-200:]
