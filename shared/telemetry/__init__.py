"""What operators see of a process: logs and traces."""

from shared.telemetry.logs import frames_of, set_up_logging

__all__ = ["frames_of", "set_up_logging"]
