"""The identity of a person: the only way to it, with a purpose, and noted."""

import re
from collections.abc import Collection
from typing import Annotated, get_args

from fastapi import Depends, Header, Path, Query, Request, Response

from services.intake.commands import identity
from services.intake.commands.pace import TooMany
from services.intake.problems import CaseIsClosed, CaseUnknown, IdentityLimited, IdentityRefused
from services.intake.routes.router import router
from services.intake.schemas.people import CorrectIdentity, IdentityView, Purpose
from shared.http.bodies import ID_PATTERN, Id
from shared.http.door import Door, Guard, shown
from shared.http.preconditions import PreconditionFailed, PreconditionRequired, etag_of
from shared.http.problems import NotAllowed, PersonErased, Problem, answer, raises
from shared.http.samples import sample
from shared.security.tokens import Caller
from shared.service import Service
from shared.work import Cause

EXAMPLE = {
    "case_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "name": "Contoh Nama",
    "birth_date": "1990-05-17",
    "document": {"type": "SPLP", "number": "XD000001"},
}
NOT_KEPT = {"Cache-Control": "no-store"}


class WatchedGuard(Guard):
    """A guard that notes whom it turns away: every refusal of an identity is in the audit log (DESIGN 6)."""

    def __init__(self, service: str, permission: str, purposes: Collection[str] = get_args(Purpose)) -> None:
        """`purposes`: what may be noted as one."""
        super().__init__(service, permission)
        self._purposes = purposes

    async def judge(self, request: Request, service: Service, caller: Caller) -> None:
        try:
            await super().judge(request, service, caller)
        except NotAllowed:
            asked = request.query_params.get("purpose", "")
            purpose = asked if asked in self._purposes else ""
            # Judged here: a path is looked at by itself only after its guard, and the log keeps no free text.
            asked_for = str(request.path_params["case_id"])
            case_id = asked_for if re.fullmatch(ID_PATTERN, asked_for) else ""
            await service.desk.write(
                lambda work: identity.note_refusal(work, self.permission, case_id, purpose), Cause(caller=caller)
            )
            raise


@router.get(
    "/cases/{case_id}/identity",
    response_model=IdentityView,
    responses=raises(IdentityRefused, IdentityLimited, PersonErased),
    openapi_extra=sample(EXAMPLE),
)
async def read_identity(
    case_id: Annotated[Id, Path()],
    purpose: Annotated[Purpose, Query(description="Why the identity is needed.")],
    at: Annotated[Door, Depends(WatchedGuard("intake", "identity.read"))],
) -> Response:
    """Who the person is, for staff who have them in hand or for an agency they identified themselves to."""
    rate = at.service.ground.identity_reads
    return _answered(await at.do(lambda work: identity.read_identity(work, case_id, purpose, rate)))


@router.put(
    "/cases/{case_id}/identity",
    response_model=IdentityView,
    responses=raises(
        IdentityRefused,
        IdentityLimited,
        CaseUnknown,
        PersonErased,
        CaseIsClosed,
        PreconditionFailed,
        PreconditionRequired,
    ),
    openapi_extra=sample(EXAMPLE),
)
async def correct_identity(
    case_id: Annotated[Id, Path()],
    body: CorrectIdentity,
    at: Annotated[Door, Depends(WatchedGuard("intake", "identity.correct"))],
    if_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Replace the identity by what is right, by who has the person in hand; needs If-Match."""
    rate = at.service.ground.identity_reads
    return _answered(await at.do(lambda work: identity.correct_identity(work, case_id, body, if_match, rate)))


def _answered(found: identity.Opened | TooMany | type[Problem] | None) -> Response:
    """Raises IdentityRefused, PersonErased."""
    if found is None:
        raise IdentityRefused
    if isinstance(found, type):
        raise found
    if isinstance(found, TooMany):
        limited = answer(IdentityLimited())
        limited.headers["Retry-After"] = str(found.wait_seconds)
        return limited
    view, version = found
    return shown(view, headers=NOT_KEPT | {"ETag": etag_of(version)})
