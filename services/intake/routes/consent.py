"""Consent."""

from typing import Annotated

from fastapi import Path, Response

from services.intake.commands import consent
from services.intake.problems import CaseUnknown, DecidedSince, IdTaken
from services.intake.routes.router import door, router
from services.intake.schemas.consent import ConsentView, RecordConsent
from shared.http.bodies import Id
from shared.http.door import Door
from shared.http.problems import PersonErased, raises
from shared.http.samples import sample


@router.post(
    "/cases/{case_id}/consents",
    status_code=201,
    response_model=ConsentView,
    responses=raises(CaseUnknown, PersonErased, DecidedSince, IdTaken),
    openapi_extra=sample(
        {
            "case_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
            "agencies": {"iom": "pseudonymous", "kemensos": "identified"},
        },
        201,
    ),
)
async def record_consent(
    case_id: Annotated[Id, Path()], body: RecordConsent, at: Annotated[Door, door("consent.record")]
) -> Response:
    """Record what the person decided about each agency."""
    return await at.write(lambda work: consent.record_consent(work, case_id, body))
