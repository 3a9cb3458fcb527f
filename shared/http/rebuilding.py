"""What operators see and do of a service's projections: how they stand, and building them again from the bus."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, Response

from shared.consuming.rebuild import UnderWay, begin
from shared.http.door import Door, Doorway
from shared.http.problems import Conflict, raises
from shared.http.samples import sample
from shared.security.audit import audit
from shared.work import Work


class RebuildProjections(BaseModel):
    """Every projection of the service."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})


class Begun(BaseModel):
    """The generation that is built now of each projection."""

    generations: dict[str, int]


class RebuildUnderWay(Conflict):
    """A projection of the service is being built at this moment."""


def add_rebuild_routes(router: APIRouter, service: str) -> None:
    """Below /operations of a service."""
    door = Doorway(service)

    @router.get(
        "/projections",
        operation_id=f"{service}_projections",
        responses=raises(),
        openapi_extra=sample(_PROJECTIONS),
    )
    async def projections(at: Annotated[Door, door("operations.read")]) -> JSONResponse:
        """Which generation of each projection is live, and how far the one is that is built."""
        return JSONResponse({"items": await at.service.rebuilding.progress()})

    @router.post(
        "/rebuild",
        operation_id=f"{service}_rebuild",
        status_code=202,
        response_model=Begun,
        responses=raises(RebuildUnderWay),
        openapi_extra=sample({"generations": {"exchange.indicators": 1}}, 202),
    )
    async def rebuild(body: RebuildProjections, at: Annotated[Door, door("operations.manage")]) -> Response:
        """Build every projection again from the bus, beside the live one, and put it in its place."""
        generations: dict[str, int] = {}

        def begin_all(work: Work) -> Begun:
            generations.clear()
            audit(work, "projections.rebuild", service)
            try:
                generations.update(
                    {name: begin(work, one) for name, one in sorted(at.service.rebuilding.projections.items())}
                )
            except UnderWay as busy:
                raise RebuildUnderWay(f"{busy} is being built: see /{service}/operations/projections") from None
            return Begun(generations=dict(generations))

        answer = await at.write(begin_all, status=202)
        at.service.rebuilding.build(generations)
        return answer


_PROJECTIONS = {
    "items": [
        {
            "projection": "exchange.indicators",
            "live": 0,
            "building": 1,
            "taken": 52000,
            "parked": 0,
            "silent_seconds": 0.4,
            "ended": None,
        }
    ]
}
