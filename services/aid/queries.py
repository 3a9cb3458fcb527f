"""Reading aid. The caller's scope is an argument, never an afterthought."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, Select, func, or_, select, tuple_
from sqlalchemy.orm import Mapped, Session
from sqlmodel import col

from services.aid.models import Donation, Entry, Request, Shipment, Stock, Store
from services.aid.rules import HYGIENE_KIT
from services.aid.schemas.goods import StockView
from services.aid.schemas.issues import Figures
from shared.security.access import within
from shared.security.tokens import Caller


def stores_in_scope(caller: Caller) -> Select[str]:
    """Codes of the stores in the caller's scope."""
    scope = within(caller, places=(col(Store.code),), agencies=(col(Store.agency),))
    return select(col(Store.code)).where(scope)


def list_stores(session: Session, caller: Caller) -> Sequence[Store]:
    mine = stores_in_scope(caller)
    return session.scalars(select(Store).where(col(Store.code).in_(mine)).order_by(col(Store.code))).all()


def find_store(session: Session, caller: Caller, code: str) -> Store | None:
    return session.scalars(
        select(Store).where(col(Store.code) == code, col(Store.code).in_(stores_in_scope(caller)))
    ).one_or_none()


def list_stock(
    session: Session, caller: Caller, store: str | None, item: str | None, after: tuple[str, str], limit: int
) -> list[StockView]:
    """What is on the shelves, by store and item."""
    query = select(Stock).where(
        col(Stock.store).in_(stores_in_scope(caller)), tuple_(col(Stock.store), col(Stock.item)) > tuple_(*after)
    )
    query = query.where(*_equal((col(Stock.store), store), (col(Stock.item), item)))
    rows = session.scalars(query.order_by(col(Stock.store), col(Stock.item)).limit(limit))
    return [StockView(store=row.store, item=row.item, quantity=row.quantity, threshold=row.threshold) for row in rows]


def list_entries(
    session: Session,
    caller: Caller,
    store: str | None,
    item: str | None,
    kind: str | None,
    after: int,
    limit: int,
) -> Sequence[Entry]:
    """Lines of the ledger in the order of their recording."""
    query = select(Entry).where(
        col(Entry.store).in_(stores_in_scope(caller)),
        col(Entry.position) > after,
        *_equal((col(Entry.store), store), (col(Entry.item), item), (col(Entry.kind), kind)),
    )
    return session.scalars(query.order_by(col(Entry.position)).limit(limit)).all()


def list_donations(
    session: Session, caller: Caller, store: str | None, status: str | None, after: str, limit: int
) -> Sequence[Donation]:
    query = select(Donation).where(
        col(Donation.store).in_(stores_in_scope(caller)),
        col(Donation.donation_id) > after,
        *_equal((col(Donation.store), store), (col(Donation.status), status)),
    )
    return session.scalars(query.order_by(col(Donation.donation_id)).limit(limit)).all()


def list_requests(
    session: Session, caller: Caller, store: str | None, approval: str | None, after: str, limit: int
) -> Sequence[Request]:
    """Requests that a store in scope made or was asked for."""
    query = select(Request).where(
        _either(caller, col(Request.from_store), col(Request.to_store), store),
        col(Request.request_id) > after,
        *_equal((col(Request.approval), approval)),
    )
    return session.scalars(query.order_by(col(Request.request_id)).limit(limit)).all()


def list_shipments(
    session: Session, caller: Caller, store: str | None, status: str | None, after: str, limit: int
) -> Sequence[Shipment]:
    """Shipments that left a store in scope, or go to one."""
    query = select(Shipment).where(
        _either(caller, col(Shipment.from_store), col(Shipment.to_store), store),
        col(Shipment.shipment_id) > after,
        *_equal((col(Shipment.status), status)),
    )
    return session.scalars(query.order_by(col(Shipment.shipment_id)).limit(limit)).all()


def figures(session: Session, caller: Caller, since: date, until: date) -> Figures:
    """Issues from `since` up to and with `until`, by the calendar of each store; and what is on the shelves now."""
    mine = stores_in_scope(caller)
    issued = session.execute(
        select(col(Entry.item), func.sum(-col(Entry.change)))
        .where(col(Entry.kind) == "issued", col(Entry.on_date).between(since, until), col(Entry.store).in_(mine))
        .group_by(col(Entry.item))
        .order_by(col(Entry.item))
    )
    by_item = {str(item): int(quantity) for item, quantity in issued}
    stock: dict[str, dict[str, int]] = {}
    for row in session.scalars(
        select(Stock).where(col(Stock.store).in_(mine)).order_by(col(Stock.store), col(Stock.item))
    ):
        stock.setdefault(row.store, {})[row.item] = row.quantity
    return Figures(hygiene_kits_issued=by_item.get(HYGIENE_KIT, 0), issued_by_item=by_item, stock_by_store=stock)


def _either(caller: Caller, one: Mapped[str], other: Mapped[str], store: str | None) -> ColumnElement[bool]:
    """One end is a store in scope, and one end is the store that was asked about."""
    mine = stores_in_scope(caller)
    scope = or_(one.in_(mine), other.in_(mine))
    return scope if store is None else scope & or_(one == store, other == store)


def _equal(*wanted: tuple[Mapped[str], str | None]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in wanted if value is not None]
