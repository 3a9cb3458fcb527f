"""Reading psychosocial. The caller's scope is an argument, never an afterthought."""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import ColumnElement, func, or_, orm, select
from sqlalchemy.orm import Mapped
from sqlmodel import col

from services.psychosocial.models import Entry, Place, Session, Stay
from services.psychosocial.rules import KnownStay
from services.psychosocial.schemas import EntryView, Figures, SessionView
from shared.security.access import AGENCY, within
from shared.security.tokens import Caller


def at_places_of(caller: Caller, place: Mapped[str] | Mapped[str | None]) -> ColumnElement[bool]:
    """Rows of a place in the caller's scope; one of which nothing but its code is known yet is in its staff's scope."""
    named = within(caller, places=(place,))
    if AGENCY not in caller.permissions:
        return named
    return or_(named, place.in_(select(col(Place.code)).where(col(Place.agency) == caller.agency)))


def stays_of(session: orm.Session, case_ids: Iterable[str], caller: Caller | None = None) -> dict[str, list[KnownStay]]:
    """The stays of each case; with a caller, those in their scope."""
    query = select(Stay).where(col(Stay.case_id).in_(sorted(set(case_ids))))
    if caller is not None:
        query = query.where(at_places_of(caller, col(Stay.facility)))
    stays: dict[str, list[KnownStay]] = {}
    for row in session.scalars(query):
        stays.setdefault(row.case_id, []).append(KnownStay(row.facility, row.from_date, row.until_date))
    return stays


def worklist(
    session: orm.Session, caller: Caller, facility: str | None, status: str | None, after: str, limit: int
) -> list[EntryView]:
    """People who were screened or are (or were) in a house of the caller's, by case id."""
    query = select(Entry).where(
        at_places_of(caller, col(Entry.facility)),
        or_(col(Entry.screened), col(Entry.facility).is_not(None)),
        col(Entry.erased).is_(False),
        col(Entry.case_id) > after,
    )
    if facility is not None:
        query = query.where(col(Entry.facility) == facility)
    if status is not None:
        query = query.where(col(Entry.closed).is_(status == "closed"))
    return [_entry_view(row) for row in session.scalars(query.order_by(col(Entry.case_id)).limit(limit))]


def list_sessions(
    session: orm.Session, caller: Caller, case_id: str | None, facility: str | None, after: int, limit: int
) -> Sequence[Session]:
    """Sessions in the order of their recording."""
    query = select(Session).where(at_places_of(caller, col(Session.facility)), col(Session.position) > after)
    if case_id is not None:
        query = query.where(col(Session.case_id) == case_id)
    if facility is not None:
        query = query.where(col(Session.facility) == facility)
    return session.scalars(query.order_by(col(Session.position)).limit(limit)).all()


def figures(session: orm.Session, caller: Caller, since: date, until: date) -> Figures:
    """Sessions from `since` up to and with `until`, by the calendar of each facility."""
    counted = session.execute(
        select(col(Session.layer), func.count())
        .where(at_places_of(caller, col(Session.facility)), col(Session.on_date).between(since, until))
        .group_by(col(Session.layer))
        .order_by(col(Session.layer))
    )
    by_layer = {str(layer): int(count) for layer, count in counted}
    return Figures(psychosocial_sessions=sum(by_layer.values()), by_layer=by_layer)


def session_view(row: Session) -> SessionView:
    return SessionView(
        session_id=row.session_id,
        case_id=row.case_id,
        facility=row.facility,
        layer=row.layer,
        kind=row.kind,
        on=row.on_date,
        has_note=row.note is not None,
    )


def _entry_view(row: Entry) -> EntryView:
    return EntryView(
        case_id=row.case_id,
        status="closed" if row.closed else "open",
        care_layer=row.care_layer,
        facility=row.facility,
        in_house=row.in_house,
    )
