"""Consent: which agency may follow the case, and how far; who decided, before whom, until when."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import uuid_utils
from sqlalchemy import bindparam, insert, select, update
from sqlmodel import col

from services.intake.commands.cases import CaseRow, case_row
from services.intake.commands.places import happened, time_zone_of
from services.intake.models import Case, Consent, ConsentRecord, Identity
from services.intake.problems import DecidedSince, GuardianNeeded, IdTaken, ImpossibleDate
from services.intake.rules import is_minor
from services.intake.schemas.consent import ConsentView, RecordConsent
from shared.codes import age_band
from shared.database.models import table_of
from shared.database.prepared import Prepared, upserting
from shared.events.intake import ConsentChanged, ConsentDecision
from shared.http.faults import Fault
from shared.security.sealing import DataKey
from shared.times import local_date
from shared.work import Work


def record_consent(work: Work, case_id: str, body: RecordConsent) -> ConsentView:
    """Record the decisions of one conversation: one event for all of them, of which each agency sees its own.

    A closed case takes decisions too: who withdraws may do so for ever. What was said before the arrival (at a
    consulate) counts as well. The same `id` again is answered as it stands. Raises CaseUnknown, PersonErased,
    GuardianNeeded, ImpossibleDate, DecidedSince, IdTaken.
    """
    case = case_row(work, case_id, open_only=False)
    zone = time_zone_of(work, case.arrival_point)
    occurred, on = happened(work, body.occurred_at, zone), local_date(body.occurred_at, zone)
    key = work.keys.get(case.key_id)
    held = {consent.agency: consent for consent in _HELD.all(work.session, of_case=case_id)}
    levels = {agency: consent.level for agency, consent in held.items()}
    if body.id is not None and (known := _KNOWN.first(work.session, of_record=body.id)) is not None:
        _must_be_the_same(known, case_id, body, occurred, key)
        return _view(case_id, levels)
    if body.given_by != "guardian" and _is_minor(work, case, key, on):
        raise GuardianNeeded(pointer="#/given_by")
    _must_be_newest(work, case_id, body, occurred, on, held)
    _PROOF.write(work.session, [_proof(work, case_id, body, occurred, key)])
    _RECORDED.write(work.session, [{"of_case": case_id}])
    _HOLD.write(
        work.session,
        [
            {
                "case_id": case_id,
                "agency": decision.agency,
                "status": decision.status,
                "level": decision.level,
                "expires_on": decision.expires_on,
                "given_by": body.given_by,
                "decided_on": on,
            }
            for decision in body.decisions
        ],
    )
    fact = ConsentChanged(
        decisions=tuple(ConsentDecision(**decision.model_dump()) for decision in body.decisions),
        given_by=body.given_by,
    )
    work.record(case_id, fact, occurred)
    return _view(case_id, levels | {decision.agency: decision.level for decision in body.decisions})


_HELD = Prepared(select(table_of(Consent)).where(col(Consent.case_id) == bindparam("of_case")))
_KNOWN = Prepared(select(table_of(ConsentRecord)).where(col(ConsentRecord.record_id) == bindparam("of_record")))
_PROOF = Prepared(insert(table_of(ConsentRecord)))
_RECORDED = Prepared(
    update(table_of(Case)).where(col(Case.case_id) == bindparam("of_case")).values(consent_recorded=True)
)
_HOLD = upserting(table_of(Consent), ("case_id", "agency"), ("status", "level", "expires_on", "given_by", "decided_on"))


_SAID = Prepared(
    select(table_of(ConsentRecord).c.occurred_at, table_of(ConsentRecord).c.decisions).where(
        col(ConsentRecord.case_id) == bindparam("of_case"), col(ConsentRecord.occurred_at) > bindparam("since")
    )
)


def _must_be_newest(
    work: Work, case_id: str, body: RecordConsent, occurred: datetime, on: date, held: Mapping[str, Any]
) -> None:
    """What is entered late does not undo what was decided after it, on the same day neither: a form of the morning
    must not open what the person closed at noon. Who withdraws is never told that it is too early."""
    early = [
        Fault("expires before it is given", f"#/decisions/{at}/expires_on")
        for at, decision in enumerate(body.decisions)
        if decision.expires_on is not None and decision.expires_on <= on
    ]
    if early:
        raise ImpossibleDate(errors=early)
    raised = [
        decision.agency
        for decision in body.decisions
        if decision.level != "none" and decision.agency in held and held[decision.agency].decided_on == on
    ]
    later = _said_since(work, case_id, occurred) if raised else set()
    overtaken = [
        Fault("a later decision is recorded", f"#/decisions/{at}")
        for at, decision in enumerate(body.decisions)
        if (decision.agency in held and held[decision.agency].decided_on > on)
        or (decision.agency in raised and decision.agency in later)
    ]
    if overtaken:
        raise DecidedSince(errors=overtaken)


def _said_since(work: Work, case_id: str, occurred: datetime) -> set[str]:
    """The agencies about which something was said after that moment."""
    records = _SAID.all(work.session, of_case=case_id, since=occurred.astimezone(UTC))
    return {decision["agency"] for record in records for decision in record.decisions}


def _is_minor(work: Work, case: CaseRow, key: DataKey, on: date) -> bool:
    """Under 18 on the day of the decision: who came as a minor and is of age by now decides alone."""
    if not is_minor(case.age_band):
        return False
    sealed = work.session.get_one(Identity, case.case_id).birth_date
    if sealed is None or on <= case.arrival_date:
        return True
    born = date.fromisoformat(key.open(sealed, case=case.case_id, table="identities", column="birth_date"))
    return is_minor(age_band(born, on))


def _view(case_id: str, levels: Mapping[str, str]) -> ConsentView:
    return ConsentView(case_id=case_id, agencies=dict(sorted(levels.items())))


def _proof(work: Work, case_id: str, body: RecordConsent, occurred: datetime, key: DataKey) -> dict[str, Any]:
    def seal(column: str, value: str | None) -> bytes | None:
        return None if value is None else key.seal(value, case=case_id, table="consent_records", column=column)

    return {
        "record_id": body.id or str(uuid_utils.uuid7()),
        "case_id": case_id,
        "occurred_at": occurred.astimezone(UTC),
        "decisions": [decision.model_dump(mode="json", exclude_none=True) for decision in body.decisions],
        "given_by": body.given_by,
        "language": body.language,
        "guardian": seal("guardian", _guardian(body)),
        "witness": seal("witness", body.witness),
        "recorded_by": work.caller.subject,
    }


def _guardian(body: RecordConsent) -> str | None:
    return body.guardian.model_dump_json() if body.guardian else None


def _must_be_the_same(known: Any, case_id: str, body: RecordConsent, occurred: datetime, key: DataKey) -> None:
    def told(column: str, sealed: bytes | None) -> str | None:
        return None if sealed is None else key.open(sealed, case=case_id, table="consent_records", column=column)

    decisions = [decision.model_dump(mode="json", exclude_none=True) for decision in body.decisions]
    same = (known.case_id, known.occurred_at, known.decisions, known.given_by, known.language) == (
        case_id,
        occurred,
        decisions,
        body.given_by,
        body.language,
    )
    if not same or (told("guardian", known.guardian), told("witness", known.witness)) != (
        _guardian(body),
        body.witness,
    ):
        raise IdTaken(pointer="#/id")
