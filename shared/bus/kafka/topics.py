"""What a topic of Pulang is configured with on Kafka."""

from shared.bus.protocol import Topic

MOST_RECORD_BYTES = 4 * 1024 * 1024
"""Of one record with its key and headers."""

_OVERHEAD_BYTES = 1024
_FOR_EVER = str(2**63 - 1)
_DAY_MS = 24 * 60 * 60 * 1000


def configs_of(topic: Topic) -> dict[str, str]:
    """By Kafka's names of them."""
    return {
        "message.timestamp.type": "LogAppendTime" if topic.log_append_time else "CreateTime",
        "retention.ms": "-1" if topic.retention_days is None else str(topic.retention_days * _DAY_MS),
        # Only the days count, and a compacted topic would lose events.
        "retention.bytes": "-1",
        "cleanup.policy": "delete",
        "max.message.bytes": str(MOST_RECORD_BYTES + _OVERHEAD_BYTES),
        # A service whose clock is ahead must not stop its relay: the broker would refuse its events for ever.
        "message.timestamp.after.max.ms": _FOR_EVER,
    }
