"""What can be wrong in exchange."""

from shared.http.pages import CursorUnknown
from shared.http.problems import NotAllowed, NotFound


class NoPolicy(NotAllowed):
    """The agency of this token is not in the exchange, or has left it."""


class RequestUnknown(NotFound):
    """No such event has asked your agency to delete anything."""


class AgencyUnknown(NotFound):
    """There is no such agency in the exchange."""


class CursorOfAnother(CursorUnknown):
    """The cursor was given to another agency, or for something else."""
