"""The agencies of the exchange, and what each may see."""

from functools import partial
from typing import Annotated

from fastapi import Header, Path, Response

from services.exchange import queries
from services.exchange.commands import agencies as commands
from services.exchange.joining import Joining
from services.exchange.problems import AgencyUnknown, OwnAgency
from services.exchange.routes.router import door, router
from services.exchange.schemas import AgencyLog, AgencyNow, AgencyPolicy, PolicyChange, PutAgency
from services.exchange.schemas.agencies import AgencyName
from shared.http.door import Door, shown
from shared.http.pages import Page
from shared.http.preconditions import PreconditionFailed, PreconditionRequired, etag_of
from shared.http.problems import raises
from shared.http.samples import sample

EXAMPLE = {
    "agency": "iom",
    "name": "IOM Indonesia",
    "kind": "international_organisation",
    "withheld": ["pulang.psychosocial.alert_raised.v1"],
    "withheld_fields": {},
    "member": True,
    "version": 1,
}
JOINED_WITHIN_SECONDS = 10.0
"""So long a caller waits for the log of an agency that joins; a long one is written on behind the answer."""


@router.get(
    "/agencies",
    response_model=Page[AgencyLog],
    responses=raises(),
    openapi_extra=sample({"items": [EXAMPLE | {"joining": False, "last": 70212, "sent": 70212}]}),
)
async def list_agencies(at: Annotated[Door, door("policy.read")]) -> Response:
    """Every agency that ever joined, and how far their logs and their topics on the bus are."""
    return shown(Page(items=await at.read(queries.list_agencies)))


@router.get(
    "/agencies/{agency}",
    response_model=AgencyNow,
    responses=raises(AgencyUnknown),
    openapi_extra=sample(EXAMPLE | {"joining": False}),
)
async def get_agency(agency: Annotated[AgencyName, Path()], at: Annotated[Door, door("policy.read")]) -> Response:
    """One agency's policy; its ETag is what a change must match."""
    return _shown(await at.read(partial(queries.get_agency, agency=agency)))


@router.get(
    "/agencies/{agency}/versions",
    response_model=Page[PolicyChange],
    responses=raises(AgencyUnknown),
    openapi_extra=sample(
        {"items": [EXAMPLE | {"changed_at": "2026-11-03T08:12:44Z", "changed_by": "administrator@kemensos"}]}
    ),
)
async def list_versions(agency: Annotated[AgencyName, Path()], at: Annotated[Door, door("policy.read")]) -> Response:
    """Every version of an agency's policy, the newest first: who made it, and when."""
    versions = await at.read(lambda session: queries.policy_history(session, agency))
    if not versions:
        raise AgencyUnknown
    return shown(Page(items=versions))


@router.put(
    "/agencies/{agency}",
    response_model=AgencyNow,
    responses=raises(PreconditionFailed, PreconditionRequired),
    openapi_extra=sample(EXAMPLE | {"joining": False}),
)
async def put_agency(
    agency: Annotated[AgencyName, Path()],
    body: PutAgency,
    at: Annotated[Door, door("policy.manage")],
    if_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Let an agency join; with If-Match, change its policy. `pulang agencies add` does this, and all that it takes.

    Where the answer says `joining`, its log is still being written: that goes on by itself.
    """
    policy = await at.do(lambda work: commands.put_agency(work, agency, body, if_match))
    joined = await at.service.companion(Joining).joined(agency, JOINED_WITHIN_SECONDS)
    return _shown(AgencyNow(**dict(queries.policy_view(policy)), joining=not joined))


@router.delete(
    "/agencies/{agency}",
    response_model=AgencyPolicy,
    responses=raises(OwnAgency, AgencyUnknown, PreconditionFailed, PreconditionRequired),
    openapi_extra=sample(EXAMPLE | {"member": False, "version": 2}),
)
async def remove_agency(
    agency: Annotated[AgencyName, Path()],
    at: Annotated[Door, door("policy.manage")],
    if_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The agency leaves: nothing goes out to it any more. `pulang agencies remove` also takes its topic and logins."""
    return _shown(queries.policy_view(await at.do(lambda work: commands.remove_agency(work, agency, if_match))))


def _shown(policy: AgencyPolicy) -> Response:
    return shown(policy, headers={"ETag": etag_of(policy.version)})
