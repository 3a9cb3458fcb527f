"""The identity of a person: the only way to it, with a purpose, and noted."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from services.intake.commands import identity
from services.intake.problems import CaseIsClosed, CaseUnknown, IdentityRefused
from services.intake.schemas import CorrectIdentity, IdentityView, Purpose
from shared.http.bodies import Id
from shared.http.door import Door, Doorway, shown
from shared.http.preconditions import PreconditionFailed, PreconditionRequired, etag_of
from shared.http.problems import raises
from shared.http.samples import sample

router = APIRouter()
door = Doorway("intake")

EXAMPLE = {
    "case_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "name": "Contoh Nama",
    "birth_date": "1990-05-17",
    "document": {"type": "SPLP", "number": "XD000001"},
}
NOT_KEPT = {"Cache-Control": "no-store"}


@router.get(
    "/cases/{case_id}/identity",
    response_model=IdentityView,
    responses=raises(IdentityRefused),
    openapi_extra=sample(EXAMPLE),
)
async def read_identity(
    case_id: Annotated[Id, Path()],
    purpose: Annotated[Purpose, Query(description="Why the identity is needed.")],
    at: Annotated[Door, door("identity.read")],
) -> Response:
    """Who the person is, for staff who have them in hand or for an agency they identified themselves to."""
    found = await at.do(lambda work: identity.read_identity(work, case_id, purpose))
    if found is None:
        raise IdentityRefused
    view, version = found
    return shown(view, headers=NOT_KEPT | {"ETag": etag_of(version)})


@router.put(
    "/cases/{case_id}/identity",
    response_model=IdentityView,
    responses=raises(CaseUnknown, CaseIsClosed, PreconditionFailed, PreconditionRequired),
    openapi_extra=sample(EXAMPLE),
)
async def correct_identity(
    case_id: Annotated[Id, Path()],
    body: CorrectIdentity,
    at: Annotated[Door, door("identity.correct")],
    if_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Replace the identity by what is right; needs If-Match."""
    view, version = await at.do(lambda work: identity.correct_identity(work, case_id, body, if_match))
    return shown(view, headers=NOT_KEPT | {"ETag": etag_of(version)})
