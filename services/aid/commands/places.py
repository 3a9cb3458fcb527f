"""The store that a command is about, and when something happened there."""

from datetime import UTC, date, datetime
from typing import NamedTuple

from services.aid.models import Store
from services.aid.problems import ImpossibleDate, StoreUnknown
from services.aid.rules import comes_before
from shared.security.access import reaches
from shared.times import InTheFuture, OccurredAt, local_date, not_after
from shared.work import Work


class Moment(NamedTuple):
    """When something happened: the moment in UTC, and the day at the store."""

    at: datetime
    on: date


def any_store(work: Work, code: str, pointer: str | None = None) -> Store:
    """The store of that code, whoever runs it. Raises StoreUnknown."""
    store = work.session.get(Store, code)
    if store is None:
        raise StoreUnknown(pointer=pointer)
    return store


def own_store(work: Work, code: str, pointer: str | None = None) -> Store:
    """The store of that code, in the caller's scope. Raises StoreUnknown."""
    store = any_store(work, code, pointer)
    if not reaches(work.caller, store.code, store.agency):
        raise StoreUnknown(pointer=pointer)
    return store


def happened(work: Work, said: OccurredAt, store: Store, since: Moment | None = None) -> Moment:
    """When it happened at a store; a date is noon there. `since`: what must have come before.

    Raises ImpossibleDate for the future, and for what is dated before `since`.
    """
    try:
        at = not_after(said, work.now, store.time_zone).astimezone(UTC)
    except InTheFuture as future:
        raise ImpossibleDate(str(future), pointer="#/occurred_at") from None
    on = local_date(said, store.time_zone)
    if since is not None and comes_before(at, on, since.at, since.on):
        raise ImpossibleDate("lies before what must have come first", pointer="#/occurred_at")
    return Moment(at, on)
