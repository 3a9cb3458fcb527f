"""The bus on Apache Kafka. Nothing else imports aiokafka."""

from shared.bus.kafka.bus import KafkaBus

__all__ = ["KafkaBus"]
