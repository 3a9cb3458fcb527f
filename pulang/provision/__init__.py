"""`pulang provision`: topics, users and permissions on Kafka, as one file declares them."""

from pulang.provision.command import provision

__all__ = ["provision"]
