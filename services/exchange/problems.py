"""What can be wrong in exchange."""

from collections.abc import Mapping
from typing import ClassVar

from shared.http.pages import CursorUnknown
from shared.http.problems import Conflict, Invalid, NotAllowed, NotFound, Problem


class NoPolicy(NotAllowed):
    """The agency of this token is not in the exchange: it has left it, or is joining and its log is not whole yet."""


class TooManyStreams(Problem):
    """Your agency has as many streams open here as it may."""

    status = 429
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}


class RequestUnknown(NotFound):
    """No such event has asked your agency to delete anything."""


class AgencyUnknown(NotFound):
    """There is no such agency in the exchange."""


class OwnAgency(Conflict):
    """Your own agency cannot leave by your hand: an administrator of another agency can send it away."""


class CursorOfAnother(CursorUnknown):
    """The cursor was given to another agency, or for something else."""


class WebhookUnknown(NotFound):
    """There is no such webhook here, or it lies outside what the token may see."""


class MessageUnknown(NotFound):
    """This webhook has no such message, or forgot it: messages that were delivered are kept for 30 days."""


class UrlNotPossible(Invalid):
    """A webhook cannot have this URL."""


class TypeNotYours(NotAllowed):
    """The token is limited to other types of events."""


class OnlyItsOwner(NotAllowed):
    """Only the agency that a webhook belongs to may do this."""


class TooManyWebhooks(Conflict):
    """The agency has as many webhooks as one may have: delete one."""


class DisabledByAdministrator(Conflict):
    """An administrator has disabled this webhook: until one enables it, its host gets nothing of your agency."""


class MessageGoesOn(Conflict):
    """Only a message that is tried again or exhausted can be skipped."""
