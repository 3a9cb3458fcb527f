"""What can be wrong in intake."""

from collections.abc import Mapping
from typing import ClassVar

from shared.http.problems import Conflict, Invalid, NotAllowed, NotFound, Problem


class CaseUnknown(NotFound):
    """There is no such case here, or it lies outside what the token may see."""


class PlaceUnknown(NotFound):
    """There is no such place here, or it lies outside what the token may see."""


class CodeOfShelter(Conflict):
    """This code belongs to a shelter."""


class RegencyUnknown(Invalid):
    """There is no regency or city of that code."""


class NamedTwice(Invalid):
    """A person stands twice in the request."""


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


class DecidedSince(Conflict):
    """A later decision about this agency is recorded; an earlier one cannot replace it."""


class ReferralUnknown(NotFound):
    """There is no such referral, or it lies outside what the token may see."""


class ReferredAlready(Conflict):
    """The person is referred already."""


class ReferralAnswered(Conflict):
    """The referral has its answer."""


class ReturnNotPossible(Conflict):
    """The journey home is not at that point."""


class ManifestUnknown(NotFound):
    """There is no such manifest, or it lies outside what the token may see."""


class TripUnknown(NotFound):
    """There is no such trip, or it lies outside what the token may see."""


class NotInHand(Conflict):
    """The person is not in this shelter's hands, as far as intake has heard."""

    # The shelter may have accepted a moment ago: the news is on its way.
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class IdentityRefused(NotAllowed):
    """Neither custody nor the person's consent opens this identity to you."""


class AccessRecordRefused(NotAllowed):
    """Neither custody, the scope of a supervisor, nor the person's consent opens this record to you."""


class IdentityLimited(Problem):
    """You have asked for as many identities as you may for now; wait."""

    status = 429
