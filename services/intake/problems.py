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


class ErasureUnknown(NotFound):
    """Nobody asked for this person to be erased, or the case lies outside what the token may see."""


class ErasureAsked(Conflict):
    """The erasure was asked for already, for another reason or by somebody else."""


class ErasureRefused(Conflict):
    """The erasure was refused; it has to be asked for again."""


class SecondPersonNeeded(NotAllowed):
    """Who asked for it cannot approve it: a second person has to."""


class HeldForProceedings(Conflict):
    """Legal proceedings need this person's data: it is not erased before the legal hold is lifted."""


class HoldUnknown(NotFound):
    """There is no such legal hold, or it lies outside what the token may see."""


class ApprovalNeeded(Conflict):
    """A supervisor has to approve this closing: the person is handed over to another organisation, or work is open."""


class ApprovalNotNeeded(Conflict):
    """Nothing is open and nobody is handed over: the case can be closed without an approval."""


class ApprovalAsked(Conflict):
    """Something else of this kind waits for a supervisor already; it has to be withdrawn or decided first."""


class ApprovalUnknown(NotFound):
    """There is nothing of that id to be approved, or its case lies outside what the token may see."""


class ApprovalEnded(Conflict):
    """This was decided or ended already; it has to be asked for again."""


class OpenWorkChanged(Conflict):
    """What is open is another than what you were shown: look at it again, then decide."""


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
