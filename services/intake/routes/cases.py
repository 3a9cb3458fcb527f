"""Cases: registration, screening, referral, closure, and reading them without identity."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from services.intake import queries
from services.intake.commands import closing, referral, registration, screening
from services.intake.problems import (
    ApprovalNeeded,
    CaseIsClosed,
    CaseIsNotClosed,
    CaseUnknown,
    IdTaken,
    KnownAlready,
    PlaceUnknown,
    ReferralAnswered,
    ReferralUnknown,
    ReferredAlready,
)
from services.intake.routes.router import door, router
from services.intake.schemas.cases import CaseIds, CaseView, CloseCases, Figures, ReopenCase, ScreenCase, ScreeningView
from services.intake.schemas.people import CaseRegisteredView, RegisterCase
from services.intake.schemas.referral import MakeReferrals, Referrals, ReferralView, RevokeReferral
from shared.http.bodies import Id, PlaceCode
from shared.http.door import Door, page_of, shown
from shared.http.pages import After, Limit, Page, from_cursor, to_cursor
from shared.http.problems import Invalid, PersonErased, raises
from shared.http.samples import link, sample
from shared.times import SensibleDate

CASE_ID = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"
CASE = {
    "case_id": CASE_ID,
    "status": "open",
    "htcds_status": "Active",
    "phase": "in_shelter",
    "arrival_point": "TNJ",
    "arrival_date": "2026-11-03",
    "sex": "F",
    "age_band": "30--38",
    "origin_regency": "35.07",
    "destination_country": "MY",
    "warnings": [],
    "trafficking_status": "PossibleVictimOfTrafficking",
    "consent_recorded": True,
    "referral_status": "accepted",
    "facility": "RPTC-TANJUNG-PINANG",
    "stay_status": "checked_in",
    "return_status": "none",
}
AFTER_REGISTRATION = {
    "the case": link("get_case_intake_cases__case_id__get", case_id="case_id"),
    "its screening": link("screen_case_intake_cases__case_id__screenings_post", case_id="case_id"),
    "its consents": link("record_consent_intake_cases__case_id__consents_post", case_id="case_id"),
    "its referrals": link("list_referrals_intake_cases__case_id__referrals_get", case_id="case_id"),
    "who it is": link("read_identity_intake_cases__case_id__identity_get", case_id="case_id"),
}
AFTER_REFERRAL = {
    "take it back": link(
        "revoke_referral_intake_referrals__referral_id__revocation_post", referral_id="referrals/0/referral_id"
    ),
    "the shelter accepts": link(
        "accept_referrals_shelter_referrals_acceptance_post",
        {
            "facility": "$response.body#/referrals/0/facility",
            "referrals": ["$response.body#/referrals/0/referral_id"],
            "occurred_at": "$request.body#/occurred_at",
        },
    ),
}
REFERRAL = {"referral_id": CASE_ID, "case_id": CASE_ID, "facility": "RPTC-TANJUNG-PINANG", "status": "pending"}


@router.post(
    "/cases",
    status_code=201,
    response_model=CaseRegisteredView,
    responses=raises(PlaceUnknown, KnownAlready, IdTaken, PersonErased),
    openapi_extra=sample({"case_id": CASE_ID, "age_band": "30--38", "warnings": []}, 201, AFTER_REGISTRATION),
)
async def register_case(body: RegisterCase, at: Annotated[Door, door("case.register")]) -> Response:
    """Register one person. Identity is sealed; the answer holds none of it."""
    return await at.write(lambda work: registration.register_case(work, body))


@router.get("/cases", response_model=Page[CaseView], responses=raises(), openapi_extra=sample({"items": [CASE]}))
async def list_cases(
    request: Request,
    at: Annotated[Door, door("case.read")],
    manifest: Annotated[Id | None, Query()] = None,
    status: Annotated[str | None, Query(pattern="^(open|closed|reopened|erased)$")] = None,
    facility: Annotated[PlaceCode | None, Query()] = None,
    arrival_point: Annotated[PlaceCode | None, Query()] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """Cases in your scope, in the order of registration."""
    key = at.service.desk.secrets.cursor
    start = from_cursor(key, after, str)[0] if after else ""
    wanted = queries.CaseFilter(manifest, status, facility, arrival_point)
    cases = await at.read(lambda session: queries.list_cases(session, at.caller, wanted, start, limit + 1))
    more = to_cursor(key, cases[limit - 1].case_id) if len(cases) > limit else None
    return page_of(cases[:limit], more, request)


@router.get("/cases/{case_id}", response_model=CaseView, responses=raises(CaseUnknown), openapi_extra=sample(CASE))
async def get_case(case_id: Annotated[Id, Path()], at: Annotated[Door, door("case.read")]) -> Response:
    """One case, without identity."""
    case = await at.read(lambda session: queries.find_case(session, at.caller, case_id))
    if case is None:
        raise CaseUnknown
    return shown(case)


@router.post(
    "/cases/{case_id}/screenings",
    status_code=201,
    response_model=ScreeningView,
    responses=raises(CaseUnknown, PersonErased, CaseIsClosed, IdTaken),
    openapi_extra=sample(
        {"screening_id": CASE_ID, "case_id": CASE_ID, "trafficking_status": "PossibleVictimOfTrafficking"}, 201
    ),
)
async def screen_case(
    case_id: Annotated[Id, Path()], body: ScreenCase, at: Annotated[Door, door("case.screen")]
) -> Response:
    """Record the finding of a screening. That somebody is a victim waits for a supervisor, as `approval`."""
    return await at.write(lambda work: screening.screen_case(work, case_id, body))


@router.post(
    "/referrals",
    status_code=201,
    response_model=Referrals,
    responses=raises(PlaceUnknown, CaseUnknown, PersonErased, CaseIsClosed, ReferredAlready),
    openapi_extra=sample({"referrals": [REFERRAL]}, 201, AFTER_REFERRAL),
)
async def make_referrals(body: MakeReferrals, at: Annotated[Door, door("referral.make")]) -> Response:
    """Ask a shelter to take people in; all of them, or none is referred."""
    return await at.write(lambda work: referral.make_referrals(work, body))


@router.post(
    "/referrals/{referral_id}/revocation",
    status_code=201,
    response_model=ReferralView,
    responses=raises(ReferralUnknown, PersonErased, CaseIsClosed, ReferralAnswered),
    openapi_extra=sample(REFERRAL | {"status": "revoked"}, 201),
)
async def revoke_referral(
    referral_id: Annotated[Id, Path()], body: RevokeReferral, at: Annotated[Door, door("referral.make")]
) -> Response:
    """Take a referral back that has no answer yet."""
    return await at.write(lambda work: referral.revoke_referral(work, referral_id, body))


@router.get(
    "/cases/{case_id}/referrals",
    response_model=Page[ReferralView],
    responses=raises(CaseUnknown),
    openapi_extra=sample({"items": [REFERRAL]}),
)
async def list_referrals(case_id: Annotated[Id, Path()], at: Annotated[Door, door("case.read")]) -> Response:
    """The referrals of a case, oldest first."""
    referrals = await at.read(lambda session: queries.list_referrals(session, at.caller, case_id))
    if referrals is None:
        raise CaseUnknown
    return shown(Page(items=[referral.referral_view(one) for one in referrals]))


@router.post(
    "/closures",
    status_code=201,
    response_model=CaseIds,
    responses=raises(CaseUnknown, PersonErased, CaseIsClosed, ApprovalNeeded),
    openapi_extra=sample({"cases": [CASE_ID]}, 201),
)
async def close_cases(body: CloseCases, at: Annotated[Door, door("case.close")]) -> Response:
    """Close cases with one outcome; all of them, or none. Of whom work is open, or who is transferred, a supervisor has
    to be asked: see `POST /intake/cases/{case_id}/closure`."""
    return await at.write(lambda work: closing.close_cases(work, body))


@router.post(
    "/cases/{case_id}/reopening",
    status_code=201,
    response_model=CaseIds,
    responses=raises(CaseUnknown, PersonErased, CaseIsNotClosed),
    openapi_extra=sample({"cases": [CASE_ID]}, 201),
)
async def reopen_case(
    case_id: Annotated[Id, Path()], body: ReopenCase, at: Annotated[Door, door("case.close")]
) -> Response:
    """A closed case goes on."""
    return await at.write(lambda work: closing.reopen_case(work, case_id, body))


@router.get(
    "/figures",
    response_model=Figures,
    responses=raises(),
    openapi_extra=sample(
        {
            "cases": 4497,
            "by_trafficking_status": {"ActualVictimOfTrafficking": 809},
            "by_arrival_point": {"TNJ": 1095},
            "by_sex": {"F": 2099, "M": 2398},
            "identity_consent": {"iom": 2422},
        }
    ),
)
async def intake_figures(
    at: Annotated[Door, door("figures.read")],
    since: Annotated[SensibleDate, Query(alias="from")],
    until: Annotated[SensibleDate, Query()],
) -> Response:
    """Intake's own figures over the cases in your scope that arrived in these days, both included."""
    if until < since:
        raise Invalid("ends before it begins", pointer="query.until")
    return shown(await at.study(lambda session: queries.figures(session, at.caller, since, until)))
