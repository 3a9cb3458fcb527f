"""What can be wrong in exchange."""

from shared.http.pages import CursorUnknown
from shared.http.problems import NotAllowed


class NoPolicy(NotAllowed):
    """There is no disclosure policy for the agency of this token."""


class CursorOfAnother(CursorUnknown):
    """The cursor was given to another agency, or for something else."""
