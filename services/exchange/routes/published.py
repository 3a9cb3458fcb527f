"""Figures for everybody: fixed tables of closed months."""

from typing import Annotated, Any

import orjson
from fastapi import Response

from services.exchange.indicators import hxl
from services.exchange.indicators.publishing import Publisher
from services.exchange.routes.router import door, router
from services.exchange.schemas import PublishedMonth
from shared.http.door import Door
from shared.http.pages import After, CursorUnknown, Limit, Page, from_cursor, to_cursor
from shared.http.problems import raises
from shared.http.samples import sample

CURSOR_KIND = "months"
MONTH = {
    "month": "2020-01",
    "arrivals": 380,
    "tables": {
        "sex": {"M": 210, "F": 180},
        "age_band": {"9--17": None, "18--20": 40, "21--23": 60, "24--26": 70, "27--29": None, "30--38": 120},
        "trafficking_status": {"NotAVictimOfTrafficking": 220, "PossibleVictimOfTrafficking": 90},
        "case_status": {"open": None, "closed": None},
        "way": {"home": 360, "shelter": None, "elsewhere": None},
        "province": {"21": 170, "other": 210},
    },
}
CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {hxl.MEDIA_TYPE: {"schema": {"type": "string"}, "example": "month,table,value,province,people"}}}
}


@router.get(
    "/indicators/published",
    response_model=Page[PublishedMonth],
    responses=raises(CursorUnknown) | CSV,
    openapi_extra=sample({"items": [MONTH]}),
)
async def read_published(
    at: Annotated[Door, door("indicators.read")], after: After = None, limit: Limit = 120
) -> Response:
    """The arrivals of each closed month in fixed tables, published once and never changed.

    A month is closed a fortnight after its last day, and published when nobody was registered into it for as long.
    Figures are rounded to tens; those under ten are withheld (null), and others with them so that none can be worked
    out. Accept `text/csv` to have them as rows with HXL tags.
    """
    key = at.service.desk.secrets.cursor
    behind = None if after is None else _month_of(key, after)
    months = await at.study(at.service.companion(Publisher).published(behind, limit + 1))
    page, headers = months[:limit], {"Vary": "Accept"}
    more = to_cursor(key, CURSOR_KIND, page[-1].month) if len(months) > limit else None
    if more is not None:
        headers["Link"] = f'<{at.request.url.include_query_params(after=more)}>; rel="next"'
    if hxl.MEDIA_TYPE in at.request.headers.get("accept", ""):
        return Response(hxl.rows_of(page), headers=headers, media_type=hxl.MEDIA_TYPE)
    # Not without what is null: that says that it is withheld.
    body = orjson.dumps({"items": [month.model_dump() for month in page]} | ({"next": more} if more else {}))
    return Response(body, headers=headers, media_type="application/json")


def _month_of(key: bytes, cursor: str) -> str:
    """Raises CursorUnknown."""
    kind, month = from_cursor(key, cursor, str, str)
    if kind != CURSOR_KIND:
        raise CursorUnknown(pointer="query.after")
    return str(month)
