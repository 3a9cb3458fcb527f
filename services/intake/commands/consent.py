"""Consent: which agency may follow the case, and how far; who decided, before whom, until when."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import uuid_utils
from sqlalchemy import select
from sqlmodel import col

from services.intake.commands.cases import one_case
from services.intake.commands.places import happened
from services.intake.models import Case, Consent, ConsentRecord, Place
from services.intake.problems import GuardianNeeded, ImpossibleDate
from services.intake.rules import is_minor
from services.intake.schemas import ConsentView, RecordConsent
from shared.events.intake import ConsentChanged, ConsentDecision
from shared.security.sealing import DataKey
from shared.work import Work

EXPIRED_AT_ONCE = 500


def record_consent(work: Work, case_id: str, body: RecordConsent) -> ConsentView:
    """Record the decisions of one conversation: one event for all of them, of which each agency sees its own.

    A closed case takes decisions too: who withdraws may do so for ever. Raises CaseUnknown, GuardianNeeded,
    ImpossibleDate.
    """
    case = one_case(work, case_id, open_only=False)
    if is_minor(case.age_band) and body.given_by != "guardian":
        raise GuardianNeeded(pointer="#/given_by")
    occurred = happened(work, body.occurred_at, case.arrival_point)
    for at, decision in enumerate(body.decisions):
        if decision.expires_on is not None and decision.expires_on <= occurred.date():
            raise ImpossibleDate("expires before it is given", pointer=f"#/decisions/{at}/expires_on")
    key = work.keys.get(case.key_id)
    work.session.add(_proof(work, case_id, body, occurred, key))
    case.consent_recorded = True
    now_held = {consent.agency: consent for consent in _held(work, case_id)}
    for decision in body.decisions:
        consent = now_held.get(decision.agency)
        if consent is None:
            consent = now_held[decision.agency] = Consent(case_id=case_id, agency=decision.agency, status="", level="")
            work.session.add(consent)
        consent.status, consent.level, consent.expires_on = decision.status, decision.level, decision.expires_on
    fact = ConsentChanged(
        decisions=tuple(ConsentDecision(**decision.model_dump()) for decision in body.decisions),
        given_by=body.given_by,
    )
    work.record(case_id, fact, occurred)
    return ConsentView(case_id=case_id, agencies={a: c.level for a, c in sorted(now_held.items())})


def expire_consents(work: Work) -> int:
    """What the clock asks for: consents whose last day is over are recorded as expired; how many."""
    earliest = work.now.astimezone(ZoneInfo("Asia/Jayapura")).date()  # the easternmost zone: nobody expires earlier
    rows = work.session.execute(
        select(Consent, col(Place.time_zone))
        .join(Case, col(Case.case_id) == col(Consent.case_id))
        .join(Place, col(Place.code) == col(Case.arrival_point), isouter=True)
        .where(col(Consent.status) == "given", col(Consent.expires_on) <= earliest)
        .order_by(col(Consent.case_id), col(Consent.agency))
        .limit(EXPIRED_AT_ONCE)
    ).all()
    expired = 0
    for consent, time_zone in rows:
        if consent.expires_on is None or consent.expires_on > work.now.astimezone(ZoneInfo(time_zone)).date():
            continue
        consent.status, consent.level = "expired", "none"
        decision = ConsentDecision(agency=consent.agency, status="expired", level="none")
        work.record(consent.case_id, ConsentChanged(decisions=(decision,), given_by=_giver(work, consent.case_id)))
        expired += 1
    return expired


def _giver(work: Work, case_id: str) -> str:
    """Who gave the consent that now expires."""
    last = work.session.scalars(
        select(col(ConsentRecord.given_by))
        .where(col(ConsentRecord.case_id) == case_id)
        .order_by(col(ConsentRecord.record_id).desc())
        .limit(1)
    ).first()
    return last or "person"


def _held(work: Work, case_id: str) -> list[Consent]:
    return list(work.session.scalars(select(Consent).where(col(Consent.case_id) == case_id)))


def _proof(work: Work, case_id: str, body: RecordConsent, occurred: datetime, key: DataKey) -> ConsentRecord:
    def seal(column: str, value: str | None) -> bytes | None:
        return None if value is None else key.seal(value, case=case_id, table="consent_records", column=column)

    return ConsentRecord(
        record_id=str(uuid_utils.uuid7()),
        case_id=case_id,
        occurred_at=occurred.astimezone(UTC),
        decisions=[decision.model_dump(mode="json", exclude_none=True) for decision in body.decisions],
        given_by=body.given_by,
        language=body.language,
        guardian=seal("guardian", body.guardian.model_dump_json() if body.guardian else None),
        witness=seal("witness", body.witness),
        recorded_by=work.caller.subject,
    )
