"""A service alone at its desk, told what others tell: for orders of events that a whole Pulang would seldom make."""

import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.bus.protocol import Received
from shared.consuming.inbox import read, take
from shared.events.envelope import Event
from shared.events.fact import Fact
from shared.service import Definition
from shared.settings import Settings
from shared.work import Desk
from tests.stores import Chosen

AT = "2026-11-03T05:00:00.000000Z"


@dataclass(frozen=True, slots=True)
class Told:
    """Something that a service tells about a subject."""

    source: str
    subject: str
    fact: Fact


@contextlib.asynccontextmanager
async def desk_of(definition: Definition, folder: Path) -> AsyncIterator[Desk]:
    """The desk of a service over an empty database of its own."""
    ground = Chosen.databases.ground(Settings(folder), definition.name, definition.migrations)
    await ground.open()
    try:
        yield Desk(definition.name, ground.database, ground.secrets, ground.keys)
    finally:
        await ground.close()


async def hear(desk: Desk, definition: Definition, story: Sequence[Told], *, times: int = 1) -> None:
    """Tell the service a story through its inbox, each event `times` over."""
    (consumer,) = definition.consumers
    versions: dict[tuple[str, str], int] = {}
    for offset, told in enumerate(story):
        stream = (told.source, told.subject)
        versions[stream] = versions.get(stream, 0) + 1
        event = Event(
            id=f"{told.source}/{told.subject}/{versions[stream]}",
            source=f"/pulang/{told.source}",
            type=told.fact.TYPE,
            subject=told.subject,
            time=AT,
            recordedtime=AT,
            streamversion=versions[stream],
            data=told.fact.to_data(),
        )
        record = Received(told.fact.TOPIC, 0, offset, told.subject, event.to_bytes(), 0)
        await take(desk, consumer.at, read([record] * times))


def shuffled(story: Sequence[Told], seed: int) -> list[Told]:
    """Another interleaving of the same streams: the order within each (source, subject) stays."""
    chance = random.Random(seed)  # noqa: S311 - a seed makes the order repeatable
    streams: dict[tuple[str, str], list[Told]] = {}
    for told in story:
        streams.setdefault((told.source, told.subject), []).append(told)
    waiting = list(streams.values())
    told_now = []
    while waiting:
        stream = chance.choice(waiting)
        told_now.append(stream.pop(0))
        waiting = [stream for stream in waiting if stream]
    return told_now
