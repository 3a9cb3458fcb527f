"""After a restore: what is read-only, and opening it when an officer enters it again."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from shared.http.door import Door, Doorway
from shared.http.problems import raises
from shared.http.samples import sample
from shared.restoring.entering import NotBehind, behind, open_again
from shared.work import Work


class Opened(BaseModel):
    """What may be written to again."""

    subject: str


def add_restored_routes(router: APIRouter, service: str) -> None:
    """Below /operations of a service."""
    door = Doorway(service)

    @router.get(
        "/restored", operation_id=f"{service}_restored", responses=raises(), openapi_extra=sample({"items": [_BEHIND]})
    )
    async def restored(
        at: Annotated[Door, door("operations.read")], after: Annotated[str, Query(max_length=64)] = ""
    ) -> JSONResponse:
        """What is read-only since a restore, with the events that its state lacks; 500 at a time, in order."""
        return JSONResponse({"items": await at.read(lambda session: behind(session, after))})

    @router.post(
        "/restored/{subject}",
        operation_id=f"{service}_enter_again",
        status_code=200,
        response_model=Opened,
        responses=raises(NotBehind),
        openapi_extra=sample({"subject": _BEHIND["subject"]}),
    )
    async def enter_again(
        subject: Annotated[str, Path(pattern=r"^[^\x00-\x1f]{1,64}$")],
        at: Annotated[Door, door("operations.manage")],
    ) -> Response:
        """Open it for writing: an officer enters again what its state lacks."""

        def enter(work: Work) -> Opened:
            open_again(work, subject)
            return Opened(subject=subject)

        return await at.write(enter, status=200)


_BEHIND = {
    "subject": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "state_version": 3,
    "streamversion": 4,
    "missing": [{"streamversion": 4, "type": "pulang.case.screened.v1"}],
}
