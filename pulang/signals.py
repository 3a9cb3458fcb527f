"""Being asked to end."""

import signal
import sys
from types import FrameType


def end_when_asked() -> None:
    """SIGTERM and SIGINT end the process with status 0, through every `finally` on the way.

    uvicorn takes them while it serves, stops, and hands them on to whoever listened before: by default they would
    kill the process there, and what it leaves behind, such as `DATA/url`, would tell of a server that is gone.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(0)
