"""Arrival manifests."""

from typing import Annotated

from fastapi import Path, Response

from services.intake.commands import manifests
from services.intake.problems import IdTaken, ManifestUnknown, PlaceUnknown
from services.intake.routes.router import door, router
from services.intake.schemas.manifests import ManifestResult, ReceiveManifest
from shared.http.bodies import Id
from shared.http.door import Door
from shared.http.limits import BODY_BYTES, takes_up_to
from shared.http.problems import raises
from shared.http.samples import link, sample

EXAMPLE = {
    "id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "rows": [
        {"row_key": "1", "status": "registered", "case_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b12", "warnings": []},
        {"row_key": "2", "status": "unreadable", "errors": [{"detail": "Field required", "pointer": "#/name"}]},
    ],
    "registered": 1,
    "duplicates": 0,
    "unreadable": 1,
}

AFTER_MANIFEST = {
    "every row has its answer": link(
        "reconcile_manifest_intake_manifests__manifest_id__reconciliation_post", manifest_id="id"
    ),
    "its cases": link("list_cases_intake_cases_get", manifest="id"),
}


@router.post(
    "/manifests",
    status_code=201,
    response_model=ManifestResult,
    responses=raises(PlaceUnknown, IdTaken),
    openapi_extra=sample(EXAMPLE, 201, AFTER_MANIFEST),
)
@takes_up_to(16 * BODY_BYTES)
async def receive_manifest(body: ReceiveManifest, at: Annotated[Door, door("case.register")]) -> Response:
    """Register everyone on an arrival manifest; a result per row."""
    return await at.write(lambda work: manifests.receive_manifest(work, body))


@router.post(
    "/manifests/{manifest_id}/reconciliation",
    status_code=201,
    response_model=ManifestResult,
    responses=raises(ManifestUnknown),
    openapi_extra=sample(EXAMPLE, 201),
)
async def reconcile_manifest(
    manifest_id: Annotated[Id, Path()], at: Annotated[Door, door("case.register")]
) -> Response:
    """Say that every row of the manifest has its answer."""
    return await at.write(lambda work: manifests.reconcile_manifest(work, manifest_id))
