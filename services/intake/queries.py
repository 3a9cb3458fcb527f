"""Reading intake. The caller's scope is an argument, never an afterthought."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Mapped, Session
from sqlmodel import col

from services.intake.models import Approval, Case, Consent, Erasure, Manifest, Place, Referral, Seat, Trip
from services.intake.rules import CaseState, OpenWork, htcds_status, open_work, phase
from services.intake.schemas.approvals import ApprovalView, FindingView, Kind, WorkView
from services.intake.schemas.cases import CaseView, Figures
from services.intake.schemas.erasing import ErasureView
from shared.codes import TraffickingStatus
from shared.security.access import within
from shared.security.tokens import Caller


def case_scope(caller: Caller) -> ColumnElement[bool]:
    """Cases that arrived at, or were referred to, a place in the caller's scope."""
    return within(
        caller,
        places=(col(Case.arrival_point), col(Case.facility)),
        agencies=(col(Case.arrival_agency), col(Case.facility_agency)),
    )


def manifest_scope(caller: Caller) -> ColumnElement[bool]:
    """Manifests of the posts in the caller's scope."""
    return within(caller, places=(col(Manifest.arrival_point),), agencies=(col(Manifest.arrival_agency),))


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """What a list of cases may be narrowed to."""

    manifest: str | None = None
    status: str | None = None
    facility: str | None = None
    arrival_point: str | None = None


def state_of(case: Case) -> CaseState:
    return CaseState(
        arrival_point=case.arrival_point,
        facility=case.facility,
        referral_status=case.referral_status,
        stay_status=case.stay_status,
        return_status=case.return_status,
        trafficking_status=case.trafficking_status,
        status=case.status,
    )


def find_case(session: Session, caller: Caller, case_id: str) -> CaseView | None:
    case = session.scalars(select(Case).where(col(Case.case_id) == case_id, case_scope(caller))).one_or_none()
    return None if case is None else case_view(case)


def list_cases(session: Session, caller: Caller, wanted: CaseFilter, after: str, limit: int) -> list[CaseView]:
    """Cases by id, which is the order of their registration."""
    query = select(Case).where(case_scope(caller), col(Case.case_id) > after)
    for column, value in (
        (col(Case.manifest_id), wanted.manifest),
        (col(Case.status), wanted.status),
        (col(Case.facility), wanted.facility),
        (col(Case.arrival_point), wanted.arrival_point),
    ):
        if value is not None:
            query = query.where(column == value)
    return [case_view(case) for case in session.scalars(query.order_by(col(Case.case_id)).limit(limit))]


def erasure_view(asked: Erasure) -> ErasureView:
    return ErasureView(
        case_id=asked.case_id,
        status=asked.status,
        reason=asked.reason,
        asked_by=asked.asked_by,
        requested_by=asked.requested_by,
        requested_at=asked.requested_at,
        decided_by=asked.decided_by,
        decided_at=asked.decided_at,
        refused_because=asked.refused_because,
    )


def find_erasure(session: Session, case_id: str) -> ErasureView | None:
    found = session.get(Erasure, case_id)
    return None if found is None else erasure_view(found)


def list_erasures(session: Session, caller: Caller, status: str | None, after: str, limit: int) -> list[ErasureView]:
    """By case id. One whose case is not known here (after a restore) is seen by whoever sees all."""
    query = (
        select(Erasure)
        .join(Case, col(Case.case_id) == col(Erasure.case_id), isouter=True)
        .where(case_scope(caller), col(Erasure.case_id) > after)
    )
    if status is not None:
        query = query.where(col(Erasure.status) == status)
    return [erasure_view(row) for row in session.scalars(query.order_by(col(Erasure.case_id)).limit(limit))]


def open_work_of(session: Session, cases: Sequence[Case]) -> dict[str, list[OpenWork]]:
    """What is not finished, by case id."""
    travelling = [case.case_id for case in cases if case.return_status in ("planned", "departed")]
    held = select(Seat).where(col(Seat.case_id).in_(travelling), col(Seat.status).in_(("planned", "departed")))
    trips = {seat.case_id: seat.trip_id for seat in session.scalars(held)} if travelling else {}
    return {
        case.case_id: open_work(state_of(case), case.referral_id, case.stay_id, trips.get(case.case_id))
        for case in cases
    }


def approval_view(approval: Approval, caller: Caller, open_now: Sequence[OpenWork] = ()) -> ApprovalView:
    """`open_now`: what is open of a case whose closing waits."""
    asked = approval.asked or {}
    sees = approval.requested_by == caller.subject or "identification.approve" in caller.permissions
    finding = {"trafficking_status": TraffickingStatus.ACTUAL} | asked
    waits = approval.status == "requested"
    return ApprovalView(
        approval_id=approval.approval_id,
        case_id=approval.case_id,
        kind=approval.kind,
        status=approval.status,
        outcome=asked.get("outcome"),
        finding=FindingView(**finding) if sees and "decided_by" in asked else None,
        occurred_at=approval.occurred_at,
        open_work=[WorkView(code=one.code, id=one.id) for one in open_now]
        if waits
        else [WorkView(**one) for one in approval.open_work],
        requested_by=approval.requested_by,
        requested_at=approval.requested_at,
        decided_by=approval.decided_by,
        decided_at=approval.decided_at,
        because=approval.because,
    )


@dataclass(frozen=True, slots=True)
class ApprovalFilter:
    """What a list of approvals may be narrowed to."""

    status: str | None = None
    kind: Kind | None = None
    case_id: str | None = None
    approval_id: str | None = None


def list_approvals(
    session: Session, caller: Caller, wanted: ApprovalFilter, after: str = "", limit: int = 1
) -> list[ApprovalView]:
    """By id, with what is open now of each case whose closing waits."""
    query = (
        select(Approval, Case)
        .join(Case, col(Case.case_id) == col(Approval.case_id))
        .where(case_scope(caller), col(Approval.approval_id) > after)
    )
    for column, value in (
        (col(Approval.status), wanted.status),
        (col(Approval.kind), wanted.kind),
        (col(Approval.case_id), wanted.case_id),
        (col(Approval.approval_id), wanted.approval_id),
    ):
        if value is not None:
            query = query.where(column == value)
    found = session.execute(query.order_by(col(Approval.approval_id)).limit(limit)).all()
    closing = [case for approval, case in found if approval.kind != "identification"]
    open_now = open_work_of(session, closing)
    return [approval_view(approval, caller, open_now.get(case.case_id, ())) for approval, case in found]


def list_places(session: Session) -> Sequence[Place]:
    return session.scalars(select(Place).order_by(col(Place.code))).all()


def list_referrals(session: Session, caller: Caller, case_id: str) -> Sequence[Referral] | None:
    """The referrals of a case, oldest first; None where the case is out of scope."""
    seen = select(col(Case.case_id)).where(col(Case.case_id) == case_id, case_scope(caller))
    if session.execute(seen).first() is None:
        return None
    return session.scalars(
        select(Referral)
        .where(col(Referral.case_id) == case_id)
        .order_by(col(Referral.made_at), col(Referral.referral_id))
    ).all()


def find_trip(session: Session, caller: Caller, trip_id: str) -> tuple[Trip, Sequence[Seat]] | None:
    scope = within(caller, places=(col(Trip.from_facility),), agencies=(col(Trip.facility_agency),))
    trip = session.scalars(select(Trip).where(col(Trip.trip_id) == trip_id, scope)).one_or_none()
    if trip is None:
        return None
    return trip, session.scalars(select(Seat).where(col(Seat.trip_id) == trip_id).order_by(col(Seat.case_id))).all()


def figures(session: Session, caller: Caller, since: date, until: date) -> Figures:
    """Counts over the cases in scope that arrived from `since` up to and with `until`."""
    mine = (case_scope(caller), col(Case.arrival_date).between(since, until))

    def by(column: Mapped[str] | Mapped[str | None]) -> dict[str, int]:
        counted = session.execute(
            select(column, func.count()).where(*mine, column.is_not(None)).group_by(column).order_by(column)
        )
        return {str(value): count for value, count in counted}

    identified = session.execute(
        select(col(Consent.agency), func.count())
        .join(Case, col(Case.case_id) == col(Consent.case_id))
        .where(*mine, col(Consent.level) == "identified")
        .group_by(col(Consent.agency))
        .order_by(col(Consent.agency))
    )
    return Figures(
        cases=session.execute(select(func.count()).select_from(Case).where(*mine)).scalar_one(),
        by_trafficking_status=by(col(Case.trafficking_status)),
        by_arrival_point=by(col(Case.arrival_point)),
        by_sex=by(col(Case.sex)),
        identity_consent={str(agency): int(count) for agency, count in identified},
    )


def case_view(case: Case) -> CaseView:
    return CaseView(
        case_id=case.case_id,
        status=case.status,
        htcds_status=htcds_status(state_of(case), case.outcome),
        phase=phase(state_of(case)),
        outcome=case.outcome,
        arrival_point=case.arrival_point,
        arrival_date=case.arrival_date,
        sex=case.sex,
        age_band=case.age_band,
        origin_regency=case.origin_regency,
        destination_country=case.destination_country,
        manifest=case.manifest_id,
        row_key=None if case.status == "erased" else case.row_key,
        warnings=case.warnings,
        trafficking_status=case.trafficking_status,
        consent_recorded=case.consent_recorded,
        referral_status=case.referral_status,
        facility=case.facility,
        stay_status=case.stay_status,
        return_status=case.return_status,
    )
