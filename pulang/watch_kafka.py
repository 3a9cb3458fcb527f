"""`pulang watch AGENCY --kafka`: an agency's subscriber on its own topic, by its own login."""

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from pulang.complaint import Complaint
from pulang.kafka_properties import read_kafka_properties
from pulang.quiet import quiet_libraries
from pulang.subscriber.kafka import agency_topic
from pulang.watch import print_events
from shared.bus.kafka import Following, KafkaBus, PositionLost
from shared.bus.protocol import BusUnavailable, Received

PAGE = 1000
WAIT_SECONDS = 1.0
_PATIENCE_SECONDS = 60.0
"""How long records that are there may take: brokers are asked."""


def watch_topic(
    agency: str, config: Path | None, after: str | None, until_idle: float | None, *, as_json: bool
) -> None:
    """Print what stands in the agency's topic, each event of a grant once; ends when nothing came for `until_idle`
    seconds, else by Ctrl-C or SIGTERM. Raises Complaint."""
    if after is not None:
        raise Complaint("--after is a cursor of the feed: with --kafka the topic is read from its start")
    try:
        topic = agency_topic(agency)
    except ValueError as refused:
        raise Complaint(str(refused)) from None
    quiet_libraries()
    path = config or Path(".cluster") / f"{agency}.properties"
    kafka = read_kafka_properties(path, os.environ.get("KAFKA_BOOTSTRAP"))
    try:
        asyncio.run(_watch(KafkaBus(kafka, creates=False), topic, until_idle, as_json))
    except PositionLost:
        raise Complaint(f"{topic} was made anew, or its oldest records went: watch it again") from None
    except (BusUnavailable, ValueError) as refused:
        raise Complaint(str(refused)) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        return  # asked to end


async def _watch(bus: KafkaBus, topic: str, until_idle: float | None, as_json: bool) -> None:
    watching = asyncio.current_task()
    if watching is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, watching.cancel)
    try:
        await bus.start()
        # In no group: everyone who watches sees everything from the start.
        extents = await bus.extents(topic)
        following = await bus.follow({place: extent.start for place, extent in extents.items()})
        await _follow(following, sum(map(len, extents.values())), until_idle, as_json)
    finally:
        await bus.stop()


async def _follow(following: Following, waiting: int, until_idle: float | None, as_json: bool) -> None:
    """`waiting`: records that stood there at the beginning; before they came, nothing is idle."""
    clock = asyncio.get_running_loop().time
    heard, seen = clock(), _Seen()
    while True:
        limit = None if until_idle is None else max(until_idle, _PATIENCE_SECONDS if waiting > 0 else 0.0)
        left = WAIT_SECONDS if limit is None else max(heard + limit - clock(), 0.0)
        received = await following.getmany(PAGE, min(left, WAIT_SECONDS))
        if received:
            print_events(seen.new(received), as_json=as_json)
            waiting -= len(received)
            heard = clock()
        elif limit is not None and clock() >= heard + limit:
            return


class _Seen:
    """What was printed: a record may stand twice in a topic. 16 bytes an event, not the event."""

    def __init__(self) -> None:
        self._marks: set[bytes] = set()

    def new(self, received: Sequence[Received]) -> list[dict[str, Any]]:
        """The events among the records that were not printed yet."""
        events = []
        for record in received:
            event = _event_of(record)
            if event is None:
                place = f"{record.topic} partition {record.partition} offset {record.offset}"
                print(f"pulang: what stands in {place} is no event, it is passed over", file=sys.stderr)
                continue
            identity = orjson.dumps([event.get("grant"), event["source"], event["id"]])
            mark = hashlib.blake2b(identity, digest_size=16).digest()
            if mark not in self._marks:
                self._marks.add(mark)
                events.append(event)
        return events


def _event_of(record: Received) -> dict[str, Any] | None:
    try:
        event = orjson.loads(record.value)
    except orjson.JSONDecodeError:
        return None
    needed = ("source", "id", "type", "time", "subject", "streamversion")
    return event if isinstance(event, dict) and all(name in event for name in needed) else None
