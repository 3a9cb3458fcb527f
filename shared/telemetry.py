"""Structured logs: one JSON object a line, ids and codes only."""

import logging
import os
from typing import TextIO

import structlog


def set_up_logging(stream: TextIO) -> None:
    """`PULANG_LOG` sets the level (debug, info, warning, error); warning by default on a terminal's behalf.

    Messages of libraries are written without their arguments: those can hold values of a request.
    """
    level = getattr(logging, os.environ.get("PULANG_LOG", "warning").upper(), logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Libraries())
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


class _Libraries(logging.Formatter):
    """A library's message as JSON: where and what kind, no arguments, no exception text."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        entry = {"event": str(record.msg)[:200], "logger": record.name, "level": record.levelname.lower()}
        if error:
            entry |= {"event": "unforeseen", "error": error}
        return str(structlog.processors.JSONRenderer()(None, "", entry))
