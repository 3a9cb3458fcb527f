"""What can be wrong in aid."""

from collections.abc import Mapping
from typing import ClassVar

from shared.http.problems import Conflict, Invalid, NotFound

SOON: Mapping[str, str] = {"Retry-After": "1"}
"""News from another service may be on its way."""


class CaseUnknown(NotFound):
    """There is no such case here (yet)."""

    headers: ClassVar[Mapping[str, str]] = SOON


class StoreUnknown(NotFound):
    """There is no such store here (yet), or it lies outside what the token may see."""

    headers: ClassVar[Mapping[str, str]] = SOON


class DonationUnknown(NotFound):
    """There is no such donation here, or it lies outside what the token may see."""


class RequestUnknown(NotFound):
    """There is no such request here, or it lies outside what the token may see."""


class ShipmentUnknown(NotFound):
    """There is no such shipment here, or it lies outside what the token may see."""


class ImpossibleDate(Invalid):
    """The date cannot be."""


class SameStore(Invalid):
    """A store does not ask itself."""


class MoreThanThereIs(Invalid):
    """That is more than there can be."""


class TwiceInRequest(Invalid):
    """An id stands twice in the request."""


class NotInStock(Conflict):
    """The store does not have that many."""


class IdTaken(Conflict):
    """This id was used for something else."""


class DonationIsStocked(Conflict):
    """The donation was received before, with another quantity."""


class RequestDecided(Conflict):
    """The request has its answer."""


class RequestNotApproved(Conflict):
    """The request is not approved."""
