"""A copy that remembers what its handlers were called with, and a source that tells what a test says."""

import asyncio
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pulang.subscriber import ANY, Event, SqliteStore, Subscriber
from pulang.subscriber.applying import Deleting, Handler, Troubled
from pulang.subscriber.problems import Unreachable
from pulang.subscriber.source import Batch, Positions, Source
from tests.subscriber.reference import Key

SCHEMA = """
CREATE TABLE IF NOT EXISTS held (n INTEGER PRIMARY KEY, subject TEXT, key TEXT, data TEXT, UNIQUE (subject, key));
CREATE TABLE IF NOT EXISTS deleted (n INTEGER PRIMARY KEY, what TEXT, subject TEXT);
"""


def hold(db: sqlite3.Connection, event: Event) -> None:
    key = json.dumps([event.grant, event.source, event.id])
    row = (event.subject, key, json.dumps(event.data))
    db.execute("INSERT INTO held (subject, key, data) VALUES (?, ?, ?)", row)


def delete_case(db: sqlite3.Connection, case_id: str) -> None:
    db.execute("DELETE FROM held WHERE subject = ?", (case_id,))
    db.execute("INSERT INTO deleted (what, subject) VALUES ('case', ?)", (case_id,))


def delete_identity(db: sqlite3.Connection, case_id: str) -> None:
    db.execute("INSERT INTO deleted (what, subject) VALUES ('identity', ?)", (case_id,))


class Copy:
    """A store and what stands in it."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        self.store = SqliteStore(path, SCHEMA)

    def subscriber(
        self,
        source: Source,
        handlers: Mapping[str, Handler[sqlite3.Connection]] | None = None,
        delete_case: Deleting[sqlite3.Connection] = delete_case,
        troubled: Troubled | None = None,
    ) -> Subscriber[sqlite3.Connection]:
        return Subscriber(
            self.store,
            source,
            handlers or {ANY: hold},
            delete_case=delete_case,
            delete_identity=delete_identity,
            troubled=troubled,
        )

    def rows(self, query: str, *values: object) -> list[tuple[str, ...]]:
        with self.store.transaction() as here:
            return here.db.execute(query, values).fetchall()

    @property
    def held(self) -> dict[str, list[Key]]:
        """By subject, in the order in which the handlers were called."""
        found: dict[str, list[Key]] = {}
        for subject, key in self.rows("SELECT subject, key FROM held ORDER BY n"):
            grant, source, event_id = json.loads(key)
            found.setdefault(subject, []).append((grant, source, event_id))
        return found

    def deleted(self, what: str) -> list[str]:
        return [subject for (subject,) in self.rows("SELECT subject FROM deleted WHERE what = ? ORDER BY n", what)]

    @property
    def owed(self) -> list[str]:
        with self.store.transaction() as here:
            return here.keys("owed", 1000)


@dataclass
class Script:
    """Tells these batches, one after the other; `past` is what the feed would tell."""

    batches: Sequence[Sequence[Event]]
    past: Sequence[Event] = ()
    gapless: bool = True
    away: int = 0
    """How often it does not answer first."""
    acknowledged: list[str] = field(default_factory=list)
    asked_for: list[str] = field(default_factory=list)

    async def next(self, at: Positions, wait_seconds: float) -> Batch:
        await asyncio.sleep(0)
        if self.away:
            self.away -= 1
            raise Unreachable("away")
        done = int(at.get("script", "0"))
        if done == len(self.batches):
            return Batch()
        return Batch(list(self.batches[done]), {"script": str(done + 1)})

    async def history(self, subject: str) -> list[Event]:
        self.asked_for.append(subject)
        return [event for event in self.past if event.subject == subject]

    async def acknowledge(self, event_id: str) -> None:
        self.acknowledged.append(event_id)

    async def close(self) -> None:
        pass
