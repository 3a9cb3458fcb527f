"""Exchange over HTTP."""

from typing import Annotated

from fastapi import Query, Response

from services.exchange import queries
from services.exchange.feed import Feed
from services.exchange.indicators import indicators
from services.exchange.policy import policies
from services.exchange.problems import CursorOfAnother, NoPolicy
from services.exchange.schemas import AgencyLog, FeedPage, Indicators
from shared.http.door import Door, Doorway, shown
from shared.http.pages import After, CursorUnknown, Page, from_cursor, to_cursor
from shared.http.problems import Invalid, raises
from shared.http.routing import ServiceRouter
from shared.http.samples import sample
from shared.service import Service
from shared.times import SensibleDate

router = ServiceRouter(prefix="/exchange", tags=["exchange"])
door = Doorway("exchange")

CURSOR_KIND = "feed"
EVENT = {
    "specversion": "1.0",
    "id": "0192f0c1-6a10-7b21-8c11-0c5d1f0e9a01",
    "source": "/pulang/shelter",
    "type": "pulang.stay.checked_in.v1",
    "subject": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "time": "2026-11-03T05:00:00.000000Z",
    "recordedtime": "2026-11-03T08:12:44.120934Z",
    "streamversion": 2,
    "partitionkey": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "grant": 1,
    "datacontenttype": "application/json",
    "dataschema": "urn:pulang:schema:pulang.stay.checked_in.v1",
    "data": {
        "stay": "0192f0c1-7b3c-7d55-a0f4-5b1e5c3f1d02",
        "facility": "place-1f0a6c9d2b7e4835a6c1",
        "facility_province": "21",
        "room_type": "female",
        "on": "2026-11-03",
    },
}
INDICATORS = {
    "cases": 4497,
    "sent_home": 4340,
    "still_resident": 157,
    "resident_by_shelter": {"RPTC-TANJUNG-PINANG": 74},
    "checked_in_by_shelter": {"RPTC-TANJUNG-PINANG": 2154},
    "beds_by_shelter": {"RPTC-TANJUNG-PINANG": 94},
    "peak_occupancy_by_shelter": {"RPTC-TANJUNG-PINANG": 77},
    "bed_nights_by_shelter": {"RPTC-TANJUNG-PINANG": 13095},
    "by_trafficking_status": {"ActualVictimOfTrafficking": 809},
    "by_arrival_point": {"TNJ": 1095},
    "by_sex": {"F": 2099, "M": 2398},
    "hygiene_kits_issued": 4497,
    "psychosocial_sessions": 4131,
    "identity_consent": {"iom": 2422},
}


@router.get(
    "/feed",
    response_model=FeedPage,
    responses=raises(NoPolicy, CursorUnknown, CursorOfAnother),
    openapi_extra=sample({"events": [EVENT], "next": "mJ0kz1Q4c0dbImZlZWQiLCJpb20iLDQyXQ"}),
)
async def read_feed(
    at: Annotated[Door, door("feed.read")],
    after: After = None,
    wait: Annotated[float, Query(ge=0, le=30, description="Seconds to wait for news where there is none.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most events in the answer.")] = 500,
) -> Response:
    """What your agency may see, in the order of its log, as the person's consent allows now.

    Go on with `next`, which is there also when nothing is new. An event may come again under a later `grant`.
    """
    agency = at.caller.agency
    if agency not in policies():
        raise NoPolicy
    key = at.service.desk.secrets.cursor
    stretch = await _feed_of(at.service).read(agency, _position(key, agency, after), limit, wait)
    body = b'{"events":[%b],"next":"%b"}' % (
        b",".join(event.payload for event in stretch.events),
        to_cursor(key, CURSOR_KIND, agency, stretch.last).encode(),
    )
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get("/indicators", response_model=Indicators, responses=raises(), openapi_extra=sample(INDICATORS))
async def read_indicators(
    at: Annotated[Door, door("indicators.exact")],
    since: Annotated[SensibleDate, Query(alias="from")],
    until: Annotated[SensibleDate, Query()],
) -> Response:
    """The exact figures of these days, both included, built only from events."""
    if until < since:
        raise Invalid("ends before it begins", pointer="query.until")
    return shown(await at.study(lambda session: indicators(session, since, until)))


@router.get(
    "/agencies",
    response_model=Page[AgencyLog],
    responses=raises(),
    openapi_extra=sample(
        {
            "items": [
                {
                    "agency": "iom",
                    "name": "IOM Indonesia",
                    "kind": "international_organisation",
                    "withheld": ["pulang.psychosocial.alert_raised.v1"],
                    "last": 70212,
                    "sent": 70212,
                }
            ]
        }
    ),
)
async def list_agencies(at: Annotated[Door, door("indicators.exact")]) -> Response:
    """The agencies of the exchange, and how far their logs and their topics on the bus are."""
    return shown(Page(items=await at.read(lambda session: queries.list_agencies(session, policies()))))


def _position(key: bytes, agency: str, cursor: str | None) -> int:
    """Where the cursor stands in the agency's log. Raises CursorUnknown."""
    if cursor is None:
        return 0
    kind, owner, position = from_cursor(key, cursor, str, str, int)
    if (kind, owner) != (CURSOR_KIND, agency):
        raise CursorOfAnother(pointer="query.after")
    return int(position)


def _feed_of(service: Service) -> Feed:
    return next(one for one in service.companions if isinstance(one, Feed))
