"""Libraries that would speak between a command's own lines."""

import logging

import structlog


def quiet_libraries() -> None:
    """A command says itself what went wrong: aiokafka and the bus are not to log it beside."""
    logger = logging.getLogger("aiokafka")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
