"""What can be wrong in exchange."""

from shared.http.pages import CursorUnknown
from shared.http.problems import Conflict, Invalid, NotAllowed, NotFound


class NoPolicy(NotAllowed):
    """There is no disclosure policy for the agency of this token."""


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
    """An administrator has disabled this webhook, and only an administrator can enable it."""


class MessageGoesOn(Conflict):
    """Only a message that is tried again or exhausted can be skipped."""
