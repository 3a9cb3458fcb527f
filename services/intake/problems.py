"""What can be wrong in intake."""

from shared.http.problems import Conflict, Invalid, NotAllowed, NotFound


class CaseUnknown(NotFound):
    """There is no such case here, or it lies outside what the token may see."""


class PlaceUnknown(Invalid):
    """No such place is known here."""


class OutsideScope(NotAllowed):
    """The token does not cover this place."""


class ImpossibleDate(Invalid):
    """The date cannot be."""


class CaseIsClosed(Conflict):
    """The case is closed; reopen it first."""


class CaseIsNotClosed(Conflict):
    """The case is not closed."""


class KnownAlready(Conflict):
    """A person like this one is known already; look at that case, or register anyway."""


class IdTaken(Conflict):
    """This id was used for something else."""


class GuardianNeeded(Invalid):
    """A guardian decides for a person under 18."""


class ReferredAlready(Conflict):
    """The person is referred already."""


class ReferralAnswered(Conflict):
    """The referral has its answer."""


class ReturnNotPossible(Conflict):
    """The journey home is not at that point."""


class PurposeNeeded(Invalid):
    """Reading an identity needs a purpose."""


class IdentityRefused(NotAllowed):
    """Neither custody nor the person's consent opens this identity to you."""
