"""What operators may ask of each service: its backlogs, what is parked, and whether its event log is whole."""

from functools import cache
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import JSONResponse, Response

from shared.consuming.dead_letters import ask_again, parked
from shared.http.auditing import add_audit_routes
from shared.http.door import Door, Doorway
from shared.http.parking import add_parking_routes
from shared.http.problems import raises
from shared.http.rebuilding import add_rebuild_routes
from shared.http.restored import add_restored_routes
from shared.http.routing import ServiceRouter
from shared.http.samples import sample
from shared.outbox.verify import verify_chains
from shared.security.audit import NOTHING_KNOWN, audit
from shared.work import Work


class RetryParked(BaseModel):
    """Which parked events to try again; all of the service, where no key is given."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"key": "RPTC-BAMBU-APUS"}]})

    key: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,128}$")] | None = None


class Retried(BaseModel):
    """How many parked events wait for the next try."""

    events: int


@cache
def operator_routes(service: str) -> APIRouter:
    """The operators' routes of one service."""
    router = ServiceRouter(prefix=f"/{service}/operations", tags=[f"{service}: operators"])
    door = Doorway(service)

    @router.get("/status", operation_id=f"{service}_status", responses=raises(), openapi_extra=sample(_STATUS))
    async def status(at: Annotated[Door, door("operations.read")]) -> JSONResponse:
        """Outbox backlog, consumer lag, parked events."""
        return JSONResponse(await at.service.status())

    @router.get("/parked", operation_id=f"{service}_parked", responses=raises(), openapi_extra=sample(_PARKED))
    async def parked_events(at: Annotated[Door, door("operations.read")]) -> JSONResponse:
        """What cannot be taken in, by key; never a payload."""
        return JSONResponse({"items": await at.read(parked)})

    @router.get("/chains", operation_id=f"{service}_chains", responses=raises(), openapi_extra=sample(_CHAINS))
    async def chains(at: Annotated[Door, door("operations.read")]) -> JSONResponse:
        """Walk the hash chains of the event log: an edited, removed or moved row shows."""
        key = at.service.desk.secrets.chain
        return JSONResponse(await at.study(lambda session: verify_chains(session, key)))

    @router.post(
        "/parked/retry",
        operation_id=f"{service}_retry_parked",
        status_code=202,
        response_model=Retried,
        responses=raises(),
        openapi_extra=sample({"events": 3}, 202),
    )
    async def retry_parked(body: RetryParked, at: Annotated[Door, door("operations.manage")]) -> Response:
        """Try parked events again now."""

        def again(work: Work) -> Retried:
            woken = ask_again(work, body.key)
            # A key under which nothing waits may be any text, and the log forgets nothing.
            subject = "all" if body.key is None else body.key if woken else NOTHING_KNOWN
            audit(work, "parked.retry", subject[:64])
            return Retried(events=woken)

        return await at.write(again, status=202)

    add_parking_routes(router, service)
    add_restored_routes(router, service)
    add_rebuild_routes(router, service)
    add_audit_routes(router, service)
    return router


_STATUS = {
    "service": "intake",
    "events": 1200,
    "outbox_backlog": 0,
    "consumer_lag": {"intake.reactions": 0},
    "parked": 0,
    "dead_letters": 0,
    "keys_to_destroy": 0,
}
_PARKED = {
    "items": [
        {
            "consumer": "intake.reactions",
            "key": "RPTC-BAMBU-APUS",
            "topic": "pulang.operations",
            "reason": "gap",
            "attempts": 1,
            "dead": False,
            "waiting": 2,
        }
    ]
}
_CHAINS = {"service_events": 1200, "streams": 310, "broken": []}
