"""What is set or put right at a store: when it counts as low, and what a count on the shelf found."""

from services.aid.commands.ledger import STOCK, Line, enter, known_entries, on_shelf
from services.aid.commands.places import happened, own_store
from services.aid.models import DEFAULT_THRESHOLD, Entry, Stock
from services.aid.problems import IdTaken, NotInStock
from services.aid.schemas.goods import AdjustStock, EntryView, PutThreshold, ThresholdView
from shared.database.prepared import upserting
from shared.events.aid import StockAdjusted
from shared.http.preconditions import must_match
from shared.security.audit import audit
from shared.work import Work


def put_threshold(
    work: Work, code: str, item: str, body: PutThreshold, if_match: str | None
) -> tuple[ThresholdView, int]:
    """When the store counts as low in the item; one that was set before is changed with If-Match.

    Raises StoreUnknown, PreconditionFailed, PreconditionRequired.
    """
    store = own_store(work, code)
    unset = {"quantity": 0, "threshold": DEFAULT_THRESHOLD, "version": 0}
    upserting(STOCK, ("store", "item")).write(work.session, [{"store": code, "item": item} | unset])  # a row to lock
    on_shelf(work, store, item)
    version = work.session.get_one(Stock, (code, item)).version
    if version or if_match is not None:
        must_match(if_match, version)
    chosen = {"threshold": body.threshold, "version": version + 1}
    upserting(STOCK, ("store", "item"), tuple(chosen)).write(
        work.session, [{"store": code, "item": item} | unset | chosen]
    )
    audit(work, "stock.threshold", code)
    return ThresholdView(store=code, item=item, threshold=body.threshold), version + 1


def threshold_view(code: str, item: str, stock: Stock | None) -> ThresholdView:
    return ThresholdView(store=code, item=item, threshold=stock.threshold if stock else DEFAULT_THRESHOLD)


def adjust_stock(work: Work, code: str, body: AdjustStock) -> EntryView:
    """Bring the ledger to what was counted. The same adjustment again is answered as it stands.

    Raises StoreUnknown, IdTaken, NotInStock, ImpossibleDate.
    """
    store = own_store(work, code)
    when = happened(work, body.occurred_at, store)
    there = on_shelf(work, store, body.item)
    known = known_entries(work, [body.id]).get(body.id)
    wanted = (code, body.item, body.change, "adjusted", body.reason, when.on)
    if known is not None:
        if (known.store, known.item, known.change, known.kind, known.reason, known.on_date) != wanted:
            raise IdTaken(pointer="#/id")
        return entry_view(known)
    if there + body.change < 0:
        raise NotInStock(f"{there} in stock", pointer="#/change")
    enter(work, store, body.item, "adjusted", [Line(body.id, code, body.change)], when, body.reason)
    work.record(code, StockAdjusted(store=code, item=body.item, change=body.change), when.at)
    audit(work, "stock.adjust", code)
    return EntryView(
        entry_id=body.id,
        store=code,
        item=body.item,
        change=body.change,
        kind="adjusted",
        ref=code,
        reason=body.reason,
        on=when.on,
    )


def entry_view(entry: Entry) -> EntryView:
    return EntryView(
        entry_id=entry.entry_id,
        store=entry.store,
        item=entry.item,
        change=entry.change,
        kind=entry.kind,
        ref=entry.ref_id,
        reason=entry.reason,
        on=entry.on_date,
    )
