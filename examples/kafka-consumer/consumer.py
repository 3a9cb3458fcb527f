"""A plain consumer of an agency's topic, without Pulang's package: for those who write Go, C#, Java or Rust.

    python examples/kafka-consumer/consumer.py lpsk --group lpsk.trial

KAFKA_BOOTSTRAP, KAFKA_CA, KAFKA_USER and KAFKA_PASSWORD say how to come in. It prints what it reads, and shows what
such a consumer has to do itself: commit after the effect, drop repeats, obey a request to delete.
"""

import argparse
import os

from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from confluent_kafka import Consumer, KafkaError

ERASED, CONSENT = "pulang.case.erased.v1", "pulang.case.consent_changed.v1"


def properties(group: str) -> dict[str, str]:
    """As librdkafka names them; every client built on it takes the same."""
    return {
        "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP"],
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": os.environ["KAFKA_CA"],
        "sasl.mechanisms": "SCRAM-SHA-512",
        "sasl.username": os.environ["KAFKA_USER"],
        "sasl.password": os.environ["KAFKA_PASSWORD"],
        "group.id": group,
        "enable.auto.commit": "false",
        "auto.offset.reset": "earliest",
        "enable.partition.eof": "true",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Read an agency's topic.")
    parser.add_argument("agency")
    parser.add_argument("--group", required=True, help="begins with the agency and a dot: the broker refuses others")
    parser.add_argument("--until-end", action="store_true", help="end where every partition ends")
    asked = parser.parse_args()

    taken: dict[tuple[str, str, int | None], int] = {}  # your database has this, in the transaction of the effect
    consumer = Consumer(properties(asked.group))
    ended: set[int] = set()
    consumer.subscribe([f"pulang.agency.{asked.agency}"])
    try:
        while not (asked.until_end and ended and len(ended) == len(consumer.assignment())):
            record = consumer.poll(0.5)
            if record is None:
                continue
            if (error := record.error()) is not None:
                if error.code() != KafkaError._PARTITION_EOF:
                    raise SystemExit(f"Kafka: {error}")
                ended.add(record.partition())
                continue
            ended.discard(record.partition())
            event = from_kafka_event(KafkaMessage(dict(record.headers() or ()), record.key(), record.value()))
            subject, source, grant = event.get_subject(), event.get_source(), event.get_extension("grant")
            version, data = event.get_extension("streamversion"), event.get_data() or {}
            if event.get_type() == ERASED or (event.get_type() == CONSENT and "deletion_requested" in data):
                print("delete", subject, "and acknowledge", event.get_id(), flush=True)
            elif version > taken.get((subject, source, grant), 0):
                taken[subject, source, grant] = version
                print(event.get_type(), subject, f"version {version}", flush=True)
            consumer.commit(record)  # in your own: once in a while, and always after your commit
    finally:
        consumer.close()


if __name__ == "__main__":
    main()
