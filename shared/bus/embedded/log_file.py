"""The file: batches of records by place, the topics, and the groups' committed positions.

A batch's row id is its **place**: the partition's id in the high bits, the offset of the batch's last record in the
low 40. So "the batch that holds offset n or comes next" is one look-up, appends go to the end of their partition, and
the end of a partition is its last row; retention therefore never takes the last batch.
"""

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from shared.bus.protocol import Topic

_OFFSET_BITS = 40
_FORMAT = 1
_APPLICATION_ID = 0x50556C67  # "PUlg"
_ROWS_PER_STATEMENT = 100
_CHECKPOINT_PAGES = 2_000
_PROBE_BYTES = 256 * 1024
_SCHEMA = """
CREATE TABLE topics (
    name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, retention_days INTEGER, log_append_time INTEGER NOT NULL,
    first_partition INTEGER NOT NULL UNIQUE) STRICT;
CREATE TABLE batches (
    place INTEGER PRIMARY KEY, records INTEGER NOT NULL, newest_ms INTEGER NOT NULL, payload BLOB NOT NULL) STRICT;
CREATE TABLE committed (
    consumer_group TEXT, partition INTEGER, position INTEGER NOT NULL,
    PRIMARY KEY (consumer_group, partition)) WITHOUT ROWID, STRICT;
CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), padding BLOB NOT NULL) STRICT;
"""


class WrongFile(Exception):
    """The file is not a bus of this version."""


class Batch(NamedTuple):
    """A row to append: records of one partition, packed; `newest_ms` is the latest of their timestamps."""

    partition_id: int
    last_offset: int
    records: int
    newest_ms: int
    payload: bytes


class StoredBatch(NamedTuple):
    """A row that was read; `first` is the offset of its first record."""

    first: int
    records: int
    payload: bytes


class Extent(NamedTuple):
    """The offsets that a partition holds: from `first`, up to but without `end`."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class StoredTopic:
    """A topic of the file; partition n of it has the id `first_partition + n`."""

    topic: Topic
    first_partition: int
    extents: tuple[Extent, ...]


def _place(partition_id: int, offset: int) -> int:
    return (partition_id << _OFFSET_BITS) | offset


def _offset(place: int) -> int:
    return place & ((1 << _OFFSET_BITS) - 1)


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads; used by one thread at a time."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    connection.execute("PRAGMA query_only = ON")
    return connection


def read_batches(
    connection: sqlite3.Connection, partition_id: int, wanted: range, most_bytes: int
) -> list[StoredBatch]:
    """The batches that hold the wanted offsets, in order; the last is the one with which `most_bytes` is reached."""
    rows = connection.execute(
        "SELECT place, records, payload FROM batches WHERE place >= ? AND place < ? ORDER BY place",
        (_place(partition_id, wanted.start), _place(partition_id + 1, 0)),
    )
    batches = []
    size = 0
    for place, records, payload in rows:
        batches.append(StoredBatch(_offset(place) - records + 1, records, payload))
        size += len(payload)
        if size >= most_bytes or _offset(place) + 1 >= wanted.stop:
            break
    rows.close()
    return batches


class LogFile:
    """The writer's side. Not thread safe: the writer's thread opens it, uses it and closes it."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the file. Raises sqlite3.Error, OSError, WrongFile."""
        self._path = path
        self._open_connection: sqlite3.Connection | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._connection.execute("SELECT 1 FROM topics LIMIT 1")

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._open_connection is None:
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=5, cached_statements=512)
            try:
                _prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._open_connection = connection
        return self._open_connection

    def close(self) -> None:
        if self._open_connection is not None:
            self._open_connection.close()
            self._open_connection = None

    def roll_back(self) -> None:
        """After a failure: nothing of the transaction stays, and the next one can begin."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.close()  # rolls back too; the next use opens the file again

    def topics(self) -> list[StoredTopic]:
        rows = self._connection.execute(
            "SELECT name, partitions, retention_days, log_append_time, first_partition FROM topics"
        ).fetchall()
        return [
            StoredTopic(
                Topic(name, partitions, retention_days, bool(log_append_time)),
                first_partition,
                tuple(self._extent(first_partition + number) for number in range(partitions)),
            )
            for name, partitions, retention_days, log_append_time, first_partition in rows
        ]

    def _extent(self, partition_id: int) -> Extent:
        span = (_place(partition_id, 0), _place(partition_id + 1, 0))
        select = "SELECT place, records FROM batches WHERE place >= ? AND place < ? ORDER BY place"
        oldest = self._connection.execute(f"{select} LIMIT 1", span).fetchone()
        newest = self._connection.execute(f"{select} DESC LIMIT 1", span).fetchone()
        if oldest is None:
            return Extent(0, 0)
        return Extent(_offset(oldest[0]) - oldest[1] + 1, _offset(newest[0]) + 1)

    def committed(self) -> dict[str, dict[int, int]]:
        """The committed positions by group and partition id."""
        groups: dict[str, dict[int, int]] = {}
        for group, partition_id, position in self._connection.execute("SELECT * FROM committed"):
            groups.setdefault(group, {})[partition_id] = position
        return groups

    def declare(self, topics: Iterable[Topic]) -> list[StoredTopic]:
        """Creates the topics that are missing and returns all."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        for topic in topics:
            run(
                "INSERT INTO topics SELECT ?, ?, ?, ?, coalesce(max(first_partition + partitions), 0) FROM topics"
                " WHERE true ON CONFLICT (name) DO NOTHING",
                (topic.name, topic.partitions, topic.retention_days, int(topic.log_append_time)),
            )
        run("COMMIT")
        return self.topics()

    def write(self, batches: Sequence[Batch], positions: Mapping[tuple[str, int], int]) -> None:
        """Appends and commits positions by (group, partition id), all in one transaction."""
        statements = _appends(batches)
        if positions:
            statements.append(_commits(positions))
        if len(statements) == 1:  # a transaction of its own, and one thread switch instead of three
            self._connection.execute(*statements[0])
            return
        self._connection.execute("BEGIN IMMEDIATE")
        for statement, values in statements:
            self._connection.execute(statement, values)
        self._connection.execute("COMMIT")

    def drop_expired(self, partition_id: int, before_ms: int, most_batches: int) -> Extent:
        """Deletes up to `most_batches` from the front that hold only records older than `before_ms`.

        Returns what the partition holds then; equal to what it held before when nothing is left to delete.
        """
        span = (_place(partition_id, 0), _place(partition_id + 1, 0))
        rows = self._connection.execute(
            "SELECT place, newest_ms FROM batches WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
            (*span, most_batches + 1),
        ).fetchall()
        last_expired = None
        for place, newest_ms in rows[:-1]:
            if newest_ms >= before_ms:
                break
            last_expired = place
        if last_expired is not None:
            self._connection.execute("DELETE FROM batches WHERE place >= ? AND place <= ?", (span[0], last_expired))
        return self._extent(partition_id)

    def probe(self) -> None:
        """A write that changes nothing but shows that there is room for a batch."""
        self._connection.execute("REPLACE INTO probe VALUES (1, zeroblob(?))", (_PROBE_BYTES,))


def _prepare(connection: sqlite3.Connection) -> None:
    run = connection.execute
    found, version = run("PRAGMA application_id").fetchone()[0], run("PRAGMA user_version").fetchone()[0]
    empty = run("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if not empty and (found != _APPLICATION_ID or version != _FORMAT):
        raise WrongFile(f"it is no bus of format {_FORMAT} (application id {found}, format {version})")
    run("PRAGMA journal_mode = WAL")
    run("PRAGMA synchronous = FULL")
    run(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    run("PRAGMA journal_size_limit = 67108864")
    if empty:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id = {_APPLICATION_ID};"
            f" PRAGMA user_version = {_FORMAT}; COMMIT;"
        )


def _appends(batches: Sequence[Batch]) -> list[tuple[str, list[object]]]:
    statements: list[tuple[str, list[object]]] = []
    for start in range(0, len(batches), _ROWS_PER_STATEMENT):
        rows = batches[start : start + _ROWS_PER_STATEMENT]
        values: list[object] = []
        for partition_id, last_offset, records, newest_ms, payload in rows:
            values += (_place(partition_id, last_offset), records, newest_ms, payload)
        statements.append((f"INSERT INTO batches VALUES {', '.join(['(?, ?, ?, ?)'] * len(rows))}", values))
    return statements


def _commits(positions: Mapping[tuple[str, int], int]) -> tuple[str, list[object]]:
    values: list[object] = []
    for (group, partition_id), position in positions.items():
        values += (group, partition_id, position)
    rows = ", ".join(["(?, ?, ?)"] * len(positions))
    return (
        f"INSERT INTO committed VALUES {rows} ON CONFLICT (consumer_group, partition)"
        " DO UPDATE SET position = excluded.position",
        values,
    )
