"""What the agencies read: their topics on Kafka from the beginning, or their feed over HTTP, followed all the time."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

READ_WITHIN_SECONDS = 60.0
WAIT_SECONDS = 2.0
PAUSE_SECONDS = 0.2
ANSWER_WITHIN_SECONDS = 8.0


class WrongKey(Exception):
    """A record's key is not the subject of its event, so its order is not kept."""


def read_topic(topic: str, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Everything from the first record to those that stand there now, partition by partition.

    `settings`: of librdkafka, with the agency's own address, credentials and group. Raises KafkaException (a topic
    that it may not read), TimeoutError, WrongKey.
    """
    consumer = Consumer(
        {
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.partition.eof": False,
            **settings,
        }
    )
    try:
        return _to_the_ends(consumer, topic)
    finally:
        consumer.close()


def _to_the_ends(consumer: Consumer, topic: str) -> list[dict[str, Any]]:
    known = consumer.list_topics(topic, timeout=READ_WITHIN_SECONDS).topics[topic]
    if known.error is not None:
        raise KafkaException(known.error)
    events: list[dict[str, Any]] = []
    until = time.monotonic() + READ_WITHIN_SECONDS
    for number in sorted(known.partitions):
        first, end = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=READ_WITHIN_SECONDS)
        consumer.assign([TopicPartition(topic, number, first)])
        at = first
        while at < end:
            if time.monotonic() > until:
                raise TimeoutError(f"{topic}, partition {number}: {at} of {end}")
            for message in consumer.consume(500, timeout=1.0):
                if (error := message.error()) is not None:
                    if error.code() in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
                        continue
                    raise KafkaException(error)
                at = message.offset() + 1
                event = json.loads(message.value())
                if message.key().decode() != event["subject"]:
                    raise WrongKey(f"{topic}: event {event['id']}")
                events.append(event)
    return events


class Follower:
    """An agency's subscriber that follows the feed through all faults: it goes on at its cursor, whatever breaks."""

    def __init__(self, agency: str, where: Callable[[], str], token: Callable[[], str]) -> None:
        """`where`: a base address, asked for anew at each request; `token`: of the agency's integrator."""
        self.agency = agency
        self.heard: list[dict[str, Any]] = []
        self.broken = 0
        """Requests without an answer so far."""
        self._where, self._token = where, token
        self._cursor: str | None = None

    async def follow(self) -> None:
        """Until cancelled."""
        async with httpx.AsyncClient(timeout=ANSWER_WITHIN_SECONDS, trust_env=False) as http:
            while True:
                try:
                    await self._read(http, WAIT_SECONDS)
                except httpx.HTTPError:
                    self.broken += 1
                    await asyncio.sleep(PAUSE_SECONDS)

    async def catch_up(self) -> None:
        """To the end of the feed, when nothing moves any more. Raises httpx.HTTPError."""
        async with httpx.AsyncClient(timeout=ANSWER_WITHIN_SECONDS, trust_env=False) as http:
            while await self._read(http, 0):
                pass

    async def _read(self, http: httpx.AsyncClient, wait_seconds: float) -> int:
        params: dict[str, str | float] = {"wait": wait_seconds}
        if self._cursor is not None:
            params["after"] = self._cursor
        answer = await http.get(
            f"{self._where()}/exchange/feed", params=params, headers={"Authorization": f"Bearer {self._token()}"}
        )
        answer.raise_for_status()
        page = answer.json()
        self.heard += page["events"]
        self._cursor = page["next"]
        return len(page["events"])
