"""What can be wrong in exchange."""

from collections.abc import Mapping
from typing import ClassVar

from shared.http.pages import CursorUnknown
from shared.http.problems import NotAllowed, NotFound, Problem


class NoPolicy(NotAllowed):
    """The agency of this token is not in the exchange, or has left it."""


class TooManyStreams(Problem):
    """Your agency has as many streams open here as it may."""

    status = 429
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}


class RequestUnknown(NotFound):
    """No such event has asked your agency to delete anything."""


class AgencyUnknown(NotFound):
    """There is no such agency in the exchange."""


class CursorOfAnother(CursorUnknown):
    """The cursor was given to another agency, or for something else."""
