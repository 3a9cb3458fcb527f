"""The bus on Apache Kafka. Nothing else imports aiokafka."""

from shared.bus.kafka.bus import KafkaBus
from shared.bus.kafka.following import Following, PositionLost
from shared.bus.kafka.login import LoginRefused, log_in

__all__ = ["Following", "KafkaBus", "LoginRefused", "PositionLost", "log_in"]
