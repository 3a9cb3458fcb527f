"""The audit log of a service, over HTTP: whether it is what was written, and what stands in it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import JSONResponse, Response

from shared.auditing.entries import EntryFilter, entries, subject_to_note
from shared.auditing.judging import judge
from shared.events.envelope import rfc3339
from shared.http.door import Door, Doorway, page_of
from shared.http.pages import After, Limit, Page, from_cursor, to_cursor
from shared.http.problems import raises
from shared.http.samples import sample
from shared.security.audit import audit

Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,256}$")]


class EntryView(BaseModel):
    """Who did what with whose data, and why."""

    model_config = ConfigDict(frozen=True)

    number: int
    at: str
    actor: str
    agency: str
    roles: list[str]
    action: str
    subject: str
    purpose: str = Field(description="Empty where the act needs none.")
    outcome: str


def add_audit_routes(router: APIRouter, service: str) -> None:
    """Below /operations of a service."""
    door = Doorway(service)

    @router.get("/audit", operation_id=f"{service}_audit", responses=raises(), openapi_extra=sample(_JUDGED))
    async def audit_log(at: Annotated[Door, door("operations.read")]) -> JSONResponse:
        """Walk the audit log's chain and hold it against its heads on the bus: whatever was edited, removed, moved, cut
        off or written anew shows."""
        desk = at.service.desk
        return JSONResponse(await judge(service, desk.database, at.service.bus, desk.secrets))

    @router.get(
        "/audit/entries",
        operation_id=f"{service}_audit_entries",
        response_model=Page[EntryView],
        responses=raises(),
        openapi_extra=sample({"items": [_ENTRY]}),
    )
    async def audit_entries(
        request: Request,
        at: Annotated[Door, door("audit.read")],
        subject: Annotated[Name | None, Query(description="About what: the id of a case, a place …")] = None,
        actor: Annotated[Name | None, Query(description="Whose acts, by the subject of their token.")] = None,
        action: Annotated[str | None, Query(pattern=r"^[a-z_.]{1,64}$")] = None,
        since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
        until: Annotated[AwareDatetime | None, Query(description="Not included.")] = None,
        after: After = None,
        limit: Limit = 100,
    ) -> Response:
        """The audit log in the order of its chain, what is chained of it. That it was read is entered in it."""
        key = at.service.desk.secrets.cursor
        start = from_cursor(key, after, str, int)[1] if after else 0
        wanted = EntryFilter(subject, actor, action, since, until)
        await at.do(lambda work: audit(work, "audit.read", subject_to_note(work.session, subject)))
        rows = await at.study(lambda session: entries(session, wanted, start, limit + 1))
        items = [
            EntryView(
                number=row.number,
                at=rfc3339(datetime.fromtimestamp(row.at_ms / 1000, UTC)),
                actor=row.actor,
                agency=row.agency,
                roles=[role for role in row.roles.split(",") if role],
                action=row.action,
                subject=row.subject,
                purpose=row.purpose,
                outcome=row.outcome,
            )
            for row in rows[:limit]
        ]
        more = to_cursor(key, "audit", items[-1].number) if len(rows) > limit else None
        return page_of(items, more, request)


_JUDGED = {
    "service": "intake",
    "rows": 1201,
    "unsealed": {"rows": 1, "since": "2026-11-03T02:00:05.120000Z"},
    "unpublished": {"rows": 0},
    "heads": {"number": 1200, "at": "2026-11-03T02:00:04.900000Z"},
    "restores": [],
    "findings": [{"what": "edited", "number": 17, "until": 17}],
}
_ENTRY = {
    "number": 17,
    "at": "2026-11-03T02:00:00.000000Z",
    "actor": "arrival_officer@bp2mi",
    "agency": "bp2mi",
    "roles": ["arrival_officer"],
    "action": "identity.read",
    "subject": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "purpose": "handover",
    "outcome": "done",
}
