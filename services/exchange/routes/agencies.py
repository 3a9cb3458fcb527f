"""The agencies of the exchange."""

from typing import Annotated

from fastapi import Response

from services.exchange import queries
from services.exchange.policy import policies
from services.exchange.routes.router import door, router
from services.exchange.schemas import AgencyLog
from shared.http.door import Door, shown
from shared.http.pages import Page
from shared.http.problems import raises
from shared.http.samples import sample


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
