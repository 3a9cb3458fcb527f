"""What can be wrong in shelter."""

from collections.abc import Mapping
from typing import ClassVar

from shared.http.problems import Conflict, Invalid, NotFound


class FacilityUnknown(NotFound):
    """There is no such shelter here, or it lies outside what the token may see."""


class CaseUnknown(NotFound):
    """There is no such case here (yet), or this shelter was not asked to take the person in."""

    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class ReferralUnknown(NotFound):
    """There is no such referral to this shelter yet; if it was made just now, ask again."""

    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class StayUnknown(NotFound):
    """There is no such stay here, or it lies outside what the token may see."""


class ImpossibleDate(Invalid):
    """The date cannot be."""


class BedUnknown(Invalid):
    """The shelter has no such bed."""


class BedNotChosen(Invalid):
    """Name either a room type or a bed."""


class StandsTwice(Invalid):
    """The same person, stay or referral stands twice in the request."""


class SexRefused(Invalid):
    """Male and female rooms hold one sex."""


class IdTaken(Conflict):
    """This id was used for something else."""


class RoomInUse(Conflict):
    """Beds of the room are taken or held from today on."""


class ReferralAnswered(Conflict):
    """The referral has another answer, or was revoked."""


class ReferralNeeded(Conflict):
    """The shelter has not accepted a referral of this person."""


class NoBedFree(Conflict):
    """No bed of this kind is free on all of these nights."""


class BedTaken(Conflict):
    """This bed is not free on all of these nights."""


class CheckedInAlready(Conflict):
    """The person is checked in already."""


class StaysOverlap(Conflict):
    """The person has another stay on one of these nights."""


class NotCheckedIn(Conflict):
    """The person is not checked in here."""


class StayIsOver(Conflict):
    """The stay is over, or is not at that point."""
