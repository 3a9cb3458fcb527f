"""The ledger, and the stock that is its sum: every change of goods goes through `enter`."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import col

from services.aid.commands.places import Moment
from services.aid.models import DEFAULT_THRESHOLD, Entry, Stock, Store
from services.aid.rules import crosses
from services.aid.schemas.goods import Kind, Reason
from shared.database.models import table_of
from shared.database.prepared import Prepared, adding
from shared.events.aid import StockLow
from shared.work import Work

LEDGER = table_of(Entry)
STOCK = table_of(Stock)


@dataclass(frozen=True, slots=True)
class Line:
    """A line to be written. `ref_id`: the donation, the shipment, or the case; `change` is below 0 for what leaves."""

    entry_id: str
    ref_id: str
    change: int


def on_shelf(work: Work, store: Store, item: str) -> int:
    """How many there are; locked until the commit, so that two who take the last one wait for each other."""
    found = work.session.execute(
        select(STOCK.c.quantity).where(STOCK.c.store == store.code, STOCK.c.item == item).with_for_update()
    ).scalar_one_or_none()
    return found or 0


def known_entries(work: Work, entry_ids: Sequence[str]) -> dict[str, Entry]:
    """What stands in the ledger under these ids, by id."""
    rows = work.session.scalars(select(Entry).where(col(Entry.entry_id).in_(sorted(set(entry_ids)))))
    return {row.entry_id: row for row in rows}


def enter(
    work: Work, store: Store, item: str, kind: Kind, lines: Sequence[Line], when: Moment, reason: Reason | None = None
) -> None:
    """Append the lines, change the stock by their sum, and tell when the store becomes low.

    All lines go the same way. What leaves must be there: the caller asked `on_shelf`. None of the entries is known: an
    id that was written at the same moment makes the database run this work again, which finds it.
    """
    rows = [
        {
            "entry_id": line.entry_id,
            "store": store.code,
            "item": item,
            "change": line.change,
            "kind": kind,
            "ref_id": line.ref_id,
            "reason": reason,
            "on_date": when.on,
            "occurred_at": when.at,
            "recorded_at": work.now,
        }
        for line in lines
    ]
    _ENTER.write(work.session, rows)
    change = sum(line.change for line in lines)
    quantity, threshold = _add(work, store, item, change) if change > 0 else _take(work, store, item, -change)
    if crosses(quantity - change, quantity, threshold):
        fact = StockLow(store=store.code, item=item, quantity=quantity, threshold=threshold)
        work.record(store.code, fact, when.at)


def _add(work: Work, store: Store, item: str, quantity: int) -> tuple[int, int]:
    """Quantity after, and threshold."""
    new = {"store": store.code, "item": item, "quantity": quantity, "threshold": DEFAULT_THRESHOLD, "version": 0}
    (row,) = _ADD.write(work.session, [new])
    return row.quantity, row.threshold


_ENTER = Prepared(insert(LEDGER))


_ADD = adding(STOCK, ("store", "item"), "quantity", returning=("quantity", "threshold"))


def _take(work: Work, store: Store, item: str, quantity: int) -> tuple[int, int]:
    """Quantity after, and threshold. The constraint on the table is the last word on what is there."""
    (row,) = _TAKE.write(work.session, [{"of_store": store.code, "of_item": item, "less": quantity}])
    return row.quantity, row.threshold


_TAKE = Prepared(
    update(STOCK)
    .where(STOCK.c.store == bindparam("of_store"), STOCK.c.item == bindparam("of_item"))
    .values(quantity=STOCK.c.quantity - bindparam("less"))
    .returning(STOCK.c.quantity, STOCK.c.threshold)
)
