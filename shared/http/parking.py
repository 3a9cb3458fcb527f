"""What operators see and do under one key of what is parked: show it, discard it."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import JSONResponse, Response

from shared.consuming.dead_letters import show
from shared.consuming.discard import NothingParked, SeveralConsumers, StillTried, discard
from shared.http.door import Door, Doorway
from shared.http.problems import raises
from shared.http.samples import sample
from shared.work import Work

Key = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,128}$")]


class DiscardParked(BaseModel):
    """What to give up for good: the head of a key, or all under it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"key": "RPTC-BAMBU-APUS", "reason": "obsolete"}]}
    )

    key: Key
    reason: Literal["malformed", "foreign", "obsolete", "entered_by_hand"]
    consumer: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")] | None = None
    """Whose; must be named where several consumers have parked under the key."""
    all: bool = False
    now: bool = False
    """Also while it is still tried by itself."""


class Discarded(BaseModel):
    """How many events were discarded."""

    events: int


def add_parking_routes(router: APIRouter, service: str) -> None:
    """Below /operations of a service."""
    door = Doorway(service)

    @router.get(
        "/parked/events",
        operation_id=f"{service}_show_parked",
        responses=raises(NothingParked),
        openapi_extra=sample(_SHOWN),
    )
    async def show_parked(key: Key, at: Annotated[Door, door("operations.read")]) -> JSONResponse:
        """What is parked under a key, one behind the other; never a payload."""
        items = await at.read(lambda session: show(session, key))
        if not items:
            raise NothingParked
        return JSONResponse({"items": items})

    @router.post(
        "/parked/discard",
        operation_id=f"{service}_discard_parked",
        status_code=200,
        response_model=Discarded,
        responses=raises(NothingParked, StillTried, SeveralConsumers),
        openapi_extra=sample({"events": 1}),
    )
    async def discard_parked(body: DiscardParked, at: Annotated[Door, door("operations.manage")]) -> Response:
        """Give up what holds a key up: it is never applied, and what waits behind it is tried."""

        def give_up(work: Work) -> Discarded:
            gone = discard(work, body.key, body.reason, consumer=body.consumer, everything=body.all, now=body.now)
            return Discarded(events=gone)

        return await at.write(give_up, status=200)


_SHOWN = {
    "items": [
        {
            "position": 17,
            "consumer": "intake.reactions",
            "topic": "pulang.operations",
            "reason": "gap",
            "attempts": 1,
            "dead": False,
            "type": "pulang.facility.opened.v1",
            "source": "/pulang/shelter",
            "subject": "RPTC-BAMBU-APUS",
            "streamversion": 3,
            "next_try": "2026-11-03T02:00:05.000000Z",
        }
    ]
}
