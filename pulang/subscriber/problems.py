"""What can go wrong for a subscriber. No message holds anything of an event's data."""

import traceback

from shared.events.envelope import Event


class SubscriberError(Exception):
    """Base of the errors of this package."""


class Unreachable(SubscriberError):
    """Pulang, its issuer or its Kafka did not answer, or asked to be left alone for a while: it is tried again."""

    def __init__(self, reason: str, after_seconds: float = 0.0) -> None:
        """`after_seconds`: not before that time has passed."""
        super().__init__(reason)
        self.after_seconds = after_seconds


class Refused(SubscriberError):
    """Pulang, its issuer or its Kafka turned this subscriber away: asking again would not help."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class CursorRefused(Refused):
    """The cursor is not, or no longer, one that this Pulang gave out."""


class Unreadable(SubscriberError):
    """What came is no answer of a Pulang, or no CloudEvent of one."""


class GapFound(SubscriberError):
    """Versions of a stream were not told, and the feed does not tell them either. Nothing behind them is taken."""

    def __init__(self, event: Event) -> None:
        super().__init__(
            f"{event.subject}: {event.source} tells version {event.streamversion}"
            f"{'' if event.grant is None else f' of grant {event.grant}'}, and what comes before it is missing, in the "
            "feed too. Where the token is limited to some types of events, name them: Feed(..., types=[...])"
        )
        self.event = event


class HandlerFailed(SubscriberError):
    """A handler raised, or a deletion failed. Its event had no effect, and comes again."""

    def __init__(self, event: Event, cause: BaseException | None = None) -> None:
        """`cause`: only its kind and its place are told: its message could quote what is in the event."""
        steps = traceback.extract_tb(cause.__traceback__) if cause is not None else []
        where = f" ({type(cause).__name__}, {steps[-1].filename}:{steps[-1].lineno})" if steps else ""
        super().__init__(f"the handler of {event.type} failed at {event.id}, version {event.streamversion}{where}")
        self.event = event
