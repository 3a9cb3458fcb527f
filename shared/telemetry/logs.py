"""Structured logs: one JSON object a line, ids and codes only."""

import json
import logging
import os
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog

from shared.events.envelope import rfc3339


def set_up_logging(stream: TextIO) -> None:
    """`PULANG_LOG` sets the level: debug, info (a line per request), warning, error.

    Messages of libraries are written without their arguments: those can hold values of a request.
    """
    level = getattr(logging, os.environ.get("PULANG_LOG", "info").upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(stream.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Libraries())
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def _json(entry: Any, **options: Any) -> bytes:
    """A line that orjson refuses (half a surrogate pair, a huge number) is written the slow way, but written."""
    try:
        return orjson.dumps(entry, **options)
    except TypeError:
        return json.dumps(entry, default=str).encode()


class _Libraries(logging.Formatter):
    """A library's message as JSON: where and what kind, no arguments, no exception text."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "event": str(record.msg)[:200],
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": rfc3339(datetime.fromtimestamp(record.created, UTC)),
        }
        if record.exc_info and (error := record.exc_info[1]) is not None:
            entry |= {"event": "unforeseen", "error": type(error).__name__, "at": frames_of(error)}
        return _json(entry).decode()


def frames_of(error: BaseException) -> list[str]:
    """Where it happened, innermost last: the message and the values in the frames may be personal."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        frames.append(f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}")
        trace = trace.tb_next
    return frames[-8:]
