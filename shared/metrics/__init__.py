"""What `/metrics` tells: counts of this process, and how far its services are behind. Never an id, a path or a key."""

from shared.metrics.metrics import Metrics

__all__ = ["Metrics"]
