"""What can be wrong in psychosocial."""

from collections.abc import Mapping
from typing import ClassVar

from shared.http.problems import Conflict, Invalid, NotAllowed, NotFound


class CaseUnknown(NotFound):
    """There is no such case here (yet), or no facility in your scope has had the person."""

    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class SessionUnknown(NotFound):
    """There is no such session here, or it lies outside what the token may see."""


class ImpossibleDate(Invalid):
    """The date cannot be."""


class TwiceInRequest(Invalid):
    """An id stands twice in the request."""


class IdTaken(Conflict):
    """This id was used for something else."""


class NoteRefused(NotAllowed):
    """A note is open to the counsellor who wrote it, and to a supervisor of the agency that runs the facility."""
