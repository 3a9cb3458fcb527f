"""Who saw the person's identity, for the person."""

from typing import Annotated, get_args

from fastapi import Depends, Path, Query, Request, Response

from services.intake.commands.access_record import read_access_record
from services.intake.printing import POLICY, printed
from services.intake.problems import AccessRecordRefused
from services.intake.routes.identity import NOT_KEPT, WatchedGuard
from services.intake.routes.router import router
from services.intake.schemas.access_record import AccessPurpose, AccessRecord, Language
from shared.http.bodies import Id
from shared.http.door import Door, shown
from shared.http.problems import raises
from shared.http.samples import sample

_EXAMPLE = {
    "case_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "language": "en",
    "time_zone": "Asia/Jakarta",
    "printed_at": "2026-11-08T09:30:00+07:00",
    "earlier": 0,
    "entries": [
        {
            "at": "2026-11-03T14:05:00+07:00",
            "act": "identity.read",
            "act_title": "Identity read",
            "agency": {"code": "bp2mi", "name": "KP2MI/BP2MI"},
            "roles": ["Arrival officer"],
            "purpose": "handover",
            "purpose_title": "Handover",
            "outcome": "done",
            "outcome_title": "Done",
        }
    ],
}
_PAGE = {"responses": {"200": {"content": {"text/html": {"schema": {"type": "string"}}}}}}


def _documented() -> dict[str, object]:
    told = sample(_EXAMPLE)
    told["responses"]["200"]["content"] |= _PAGE["responses"]["200"]["content"]
    return told


@router.get(
    "/cases/{case_id}/access-record",
    response_model=AccessRecord,
    responses=raises(AccessRecordRefused),
    openapi_extra=_documented(),
)
async def access_record(
    request: Request,
    case_id: Annotated[Id, Path()],
    purpose: Annotated[AccessPurpose, Query(description="Why the record is asked for.")],
    at: Annotated[Door, Depends(WatchedGuard("intake", "access_record.read", get_args(AccessPurpose)))],
    lang: Annotated[Language, Query(description="Indonesian or English.")] = "id",
) -> Response:
    """Who read, corrected or asked for the person's identity: when, of which agency and role, for what purpose.

    With `Accept: text/html` a page to be printed for the person.
    """
    record = await at.do(lambda work: read_access_record(work, case_id, purpose, lang))
    if record is None:
        raise AccessRecordRefused
    headers = NOT_KEPT | {"Vary": "Accept", "Content-Language": lang}
    if not prefers_html(request.headers.get("accept", "")):
        return shown(record, headers=headers)
    return Response(
        printed(record), headers=headers | {"Content-Security-Policy": POLICY}, media_type="text/html; charset=utf-8"
    )


def prefers_html(accept: str) -> bool:
    """Whether a page is wanted rather than JSON, which whoever names neither is given (RFC 9110, 12.5.1)."""
    wanted: dict[str, float] = {}
    for one in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in one.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            wanted[kind] = float(quality)
        except ValueError:
            wanted[kind] = 0.0
    return wanted.get("text/html", 0.0) > wanted.get("application/json", 0.0)
