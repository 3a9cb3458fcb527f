"""The one writer: a thread with the only connection that writes, where all who wait share one commit.

Where the shared commit fails, each member runs again alone, and only the culprit gets the error. Answers leave after
the commit, on the event loop, in the order of the log.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from shared.bus.embedded.log_file import Batch, LogFile, StoredTopic, WrongFile
from shared.bus.embedded.partition import Partition
from shared.bus.protocol import BusUnavailable, Record

_MOST_TOGETHER = 256
_BATCH_BYTES = 256 * 1024
_BATCH_RECORDS = 1_000


@dataclass(slots=True)
class Piece:
    """The part of a publish that goes to one partition; `first` is the offset that its first record was given."""

    partition: Partition
    packed: list[bytes] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    timestamps_ms: list[int] = field(default_factory=list)
    first: int = -1


@dataclass(slots=True, eq=False)
class Append:
    """Records to append."""

    pieces: Sequence[Piece]
    done: asyncio.Future[None]


@dataclass(slots=True, eq=False)
class Commit:
    """Positions to commit for a group, by partition."""

    group: str
    positions: dict[Partition, int]
    done: asyncio.Future[None]


@dataclass(slots=True, eq=False)
class Alone:
    """Anything else that is done with the file, in a transaction of its own."""

    run: Callable[[LogFile], None]
    done: asyncio.Future[None]


Job = Append | Commit | Alone


@dataclass(frozen=True, slots=True)
class Opened:
    """What the file held when it was opened."""

    topics: list[StoredTopic]
    committed: dict[str, dict[int, int]]


class Writer:
    """Owns the file. Everything but the thread's own methods is called on the event loop."""

    def __init__(self, path: Path, landed: Callable[[Append | Commit], None]) -> None:
        """`landed` is called on the loop for each append and commit that is durable, in order, before its answer."""
        self._path = path
        self._landed = landed
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._ends: dict[int, int] = {}
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="bus-writer", daemon=True)
        self._opened: asyncio.Future[Opened] = self._loop.create_future()
        self._stopped: asyncio.Future[None] = self._loop.create_future()
        self._stopping = False
        self.failure: str | None = None
        """What the last write failed with; None once one has succeeded again."""

    async def start(self) -> Opened:
        """Opens the file. Raises BusUnavailable."""
        self._thread.start()
        return await self._opened

    async def stop(self) -> None:
        """Writes what waits, closes the file."""
        if not self._stopping:
            self._stopping = True
            self._jobs.put(None)
        await asyncio.shield(self._stopped)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and not self._stopping

    async def append(self, pieces: Sequence[Piece]) -> None:
        """Raises BusUnavailable."""
        await self._submit(Append(pieces, self._loop.create_future()))

    def commit(self, group: str, positions: dict[Partition, int]) -> asyncio.Future[None]:
        """Raises BusUnavailable, here or in the future."""
        return self._submit(Commit(group, positions, self._loop.create_future()))

    async def alone(self, run: Callable[[LogFile], None]) -> None:
        """Runs a function with the file on the writer's thread. Raises BusUnavailable."""
        await self._submit(Alone(run, self._loop.create_future()))

    def _submit(self, job: Job) -> asyncio.Future[None]:
        if not self.alive:
            raise BusUnavailable("the embedded bus is stopped")
        self._jobs.put(job)
        return job.done

    # On the thread.

    def _run(self) -> None:
        try:
            file = LogFile(self._path)
            opened = Opened(file.topics(), file.committed())
        except (sqlite3.Error, OSError, WrongFile) as reason:
            error = BusUnavailable(f"the bus file cannot be opened: {reason}")
            self._loop.call_soon_threadsafe(self._end, error)
            return
        for stored in opened.topics:
            for number, extent in enumerate(stored.extents):
                self._ends[stored.first_partition + number] = extent.end
        self._loop.call_soon_threadsafe(self._opened.set_result, opened)
        try:
            for jobs in self._waiting():
                for together in _groups(jobs):
                    self._write(file, together)
        finally:
            file.close()
            self._loop.call_soon_threadsafe(self._end, None)

    def _waiting(self) -> Iterator[list[Job]]:
        """All jobs that wait, again and again, until the writer is stopped."""
        while (job := self._jobs.get()) is not None:
            jobs = [job]
            try:
                while len(jobs) < _MOST_TOGETHER:
                    following = self._jobs.get_nowait()
                    if following is None:
                        self._jobs.put(None)
                        break
                    jobs.append(following)
            except Empty:
                pass
            yield jobs

    def _write(self, file: LogFile, jobs: Sequence[Job]) -> None:
        try:
            if isinstance(jobs[0], Alone):
                jobs[0].run(file)
            else:
                self._write_together(file, jobs)
        except Exception as reason:
            file.roll_back()
            if len(jobs) > 1:
                for job in jobs:
                    self._write(file, [job])
                return
            error = BusUnavailable(f"the bus file: {reason}") if isinstance(reason, sqlite3.Error) else reason
            self._loop.call_soon_threadsafe(self._answer, jobs, error)
        else:
            self._loop.call_soon_threadsafe(self._answer, jobs, None)

    def _write_together(self, file: LogFile, jobs: Sequence[Job]) -> None:
        packed: dict[int, list[bytes]] = {}
        timestamps_ms: dict[int, list[int]] = {}
        ends: dict[int, int] = {}
        positions: dict[tuple[str, int], int] = {}
        for job in jobs:
            if isinstance(job, Append):
                for piece in job.pieces:
                    partition_id = piece.partition.id
                    piece.first = ends.get(partition_id, self._ends.get(partition_id, 0))
                    ends[partition_id] = piece.first + len(piece.packed)
                    packed.setdefault(partition_id, []).extend(piece.packed)
                    timestamps_ms.setdefault(partition_id, []).extend(piece.timestamps_ms)
            elif isinstance(job, Commit):
                for partition, position in job.positions.items():
                    positions[job.group, partition.id] = position
        batches = [
            batch
            for partition_id, records in packed.items()
            for batch in _batches(partition_id, ends[partition_id], records, timestamps_ms[partition_id])
        ]
        file.write(batches, positions)
        self._ends.update(ends)

    # On the loop.

    def _answer(self, jobs: Sequence[Job], error: Exception | None) -> None:
        self.failure = str(error) if isinstance(error, BusUnavailable) else None
        for job in jobs:
            if error is None and not isinstance(job, Alone):
                self._landed(job)
            if job.done.done():  # its caller was cancelled
                continue
            if error is None:
                job.done.set_result(None)
            else:
                job.done.set_exception(error)

    def _end(self, error: BusUnavailable | None) -> None:
        if error is not None and not self._opened.done():
            self._opened.set_exception(error)
        while not self._jobs.empty():
            job = self._jobs.get_nowait()
            if job is not None and not job.done.done():
                job.done.set_exception(BusUnavailable("the embedded bus is stopped"))
        self._stopped.set_result(None)


def _groups(jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
    """Neighbours that can share a commit, in order; the others each on their own."""
    together: list[Job] = []
    for job in jobs:
        if isinstance(job, Alone):
            if together:
                yield together
            yield [job]
            together = []
        else:
            together.append(job)
    if together:
        yield together


def _batches(partition_id: int, end: int, packed: list[bytes], timestamps_ms: list[int]) -> Iterator[Batch]:
    """Cuts the records, of which the last has the offset `end - 1`, into rows of a size that readers like."""
    offset = end - len(packed)
    start = size = 0
    for index, record in enumerate(packed):
        size += len(record)
        count = index + 1 - start
        if size >= _BATCH_BYTES or count == _BATCH_RECORDS or index + 1 == len(packed):
            newest_ms = max(timestamps_ms[start : index + 1])
            yield Batch(partition_id, offset + index, count, newest_ms, b"".join(packed[start : index + 1]))
            start, size = index + 1, 0
