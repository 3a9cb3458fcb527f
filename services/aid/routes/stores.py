"""Stores: what is on their shelves, the ledger behind it, when they count as low, and what a count put right."""

from typing import Annotated

from fastapi import Header, Path, Query, Request, Response

from services.aid import queries
from services.aid.commands import shelves
from services.aid.models import Stock
from services.aid.problems import IdTaken, NotInStock, StoreUnknown
from services.aid.routes.router import door, router
from services.aid.schemas.goods import (
    AdjustStock,
    EntryView,
    Item,
    Kind,
    PutThreshold,
    StockView,
    StoreView,
    ThresholdView,
)
from shared.http.bodies import PlaceCode
from shared.http.door import Door, page_of, shown
from shared.http.pages import After, Limit, Page, from_cursor, to_cursor
from shared.http.preconditions import PreconditionFailed, PreconditionRequired, etag_of
from shared.http.problems import raises
from shared.http.samples import sample

STORE = {
    "code": "RPTC-TANJUNG-PINANG",
    "kind": "shelter",
    "name": "RPTC Tanjung Pinang",
    "agency": "kemensos",
    "regency": "21.72",
    "time_zone": "Asia/Jakarta",
}
STOCK = {"store": "RPTC-TANJUNG-PINANG", "item": "hygiene kit", "quantity": 120, "threshold": 20}
THRESHOLD = {"store": "RPTC-TANJUNG-PINANG", "item": "hygiene kit", "threshold": 50}
ENTRY = {
    "entry_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b20",
    "store": "RPTC-TANJUNG-PINANG",
    "item": "hygiene kit",
    "change": -3,
    "kind": "adjusted",
    "ref": "RPTC-TANJUNG-PINANG",
    "reason": "damaged",
    "on": "2026-11-04",
}


@router.get("/stores", response_model=Page[StoreView], responses=raises(), openapi_extra=sample({"items": [STORE]}))
async def list_stores(at: Annotated[Door, door("store.read")]) -> Response:
    """The stores in your scope: every arrival point and shelter has one."""
    stores = await at.read(lambda session: queries.list_stores(session, at.caller))
    return shown(Page(items=[StoreView(**store.model_dump()) for store in stores]))


@router.get("/stores/{code}", response_model=StoreView, responses=raises(StoreUnknown), openapi_extra=sample(STORE))
async def get_store(code: Annotated[PlaceCode, Path()], at: Annotated[Door, door("store.read")]) -> Response:
    """One store."""
    store = await at.read(lambda session: queries.find_store(session, at.caller, code))
    if store is None:
        raise StoreUnknown
    return shown(StoreView(**store.model_dump()))


@router.get("/stock", response_model=Page[StockView], responses=raises(), openapi_extra=sample({"items": [STOCK]}))
async def list_stock(
    request: Request,
    at: Annotated[Door, door("stock.read")],
    store: Annotated[PlaceCode | None, Query()] = None,
    item: Annotated[Item | None, Query()] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """What is on the shelves in your scope."""
    key = at.service.desk.secrets.cursor
    begin = from_cursor(key, after, str, str) if after else ["", ""]
    start = (str(begin[0]), str(begin[1]))
    rows = await at.read(lambda session: queries.list_stock(session, at.caller, store, item, start, limit + 1))
    more = to_cursor(key, rows[limit - 1].store, rows[limit - 1].item) if len(rows) > limit else None
    return page_of(rows[:limit], more, request)


@router.get("/ledger", response_model=Page[EntryView], responses=raises(), openapi_extra=sample({"items": [ENTRY]}))
async def list_ledger(
    request: Request,
    at: Annotated[Door, door("stock.read")],
    store: Annotated[PlaceCode | None, Query()] = None,
    item: Annotated[Item | None, Query()] = None,
    kind: Annotated[Kind | None, Query()] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """Every change of the stock in your scope, in the order of its recording."""
    key = at.service.desk.secrets.cursor
    start = from_cursor(key, after, int)[0] if after else 0
    rows = await at.read(lambda session: queries.list_entries(session, at.caller, store, item, kind, start, limit + 1))
    more = to_cursor(key, rows[limit - 1].position) if len(rows) > limit else None
    return page_of([shelves.entry_view(row) for row in rows[:limit]], more, request)


@router.get(
    "/stores/{code}/thresholds/{item:path}",
    response_model=ThresholdView,
    responses=raises(StoreUnknown),
    openapi_extra=sample(THRESHOLD),
)
async def get_threshold(
    code: Annotated[PlaceCode, Path()], item: Annotated[Item, Path()], at: Annotated[Door, door("stock.read")]
) -> Response:
    """When the store counts as low in an item; the ETag is what a change must match."""
    store = await at.read(lambda session: queries.find_store(session, at.caller, code))
    if store is None:
        raise StoreUnknown
    stock: Stock | None = await at.read(lambda session: session.get(Stock, (code, item)))
    version = stock.version if stock else 0
    return shown(shelves.threshold_view(code, item, stock), headers={"ETag": etag_of(version)})


@router.put(
    "/stores/{code}/thresholds/{item:path}",
    response_model=ThresholdView,
    responses=raises(StoreUnknown, PreconditionFailed, PreconditionRequired),
    openapi_extra=sample(THRESHOLD),
)
async def put_threshold(
    code: Annotated[PlaceCode, Path()],
    item: Annotated[Item, Path()],
    body: PutThreshold,
    at: Annotated[Door, door("store.manage")],
    if_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Say when the store counts as low in an item; with If-Match, say it anew."""
    view, version = await at.do(lambda work: shelves.put_threshold(work, code, item, body, if_match))
    return shown(view, headers={"ETag": etag_of(version)})


@router.post(
    "/stores/{code}/adjustments",
    status_code=201,
    response_model=EntryView,
    responses=raises(StoreUnknown, NotInStock, IdTaken),
    openapi_extra=sample(ENTRY, 201),
)
async def adjust_stock(
    code: Annotated[PlaceCode, Path()], body: AdjustStock, at: Annotated[Door, door("stock.adjust")]
) -> Response:
    """Bring the ledger to what was counted on the shelf."""
    return await at.write(lambda work: shelves.adjust_stock(work, code, body))
