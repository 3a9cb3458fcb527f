"""Who saw the person's identity, for the person: they ask, and whoever answers them prints it (UU 27/2022)."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from services.intake.commands.cases import in_scope_of
from services.intake.commands.identity import identified, in_hands
from services.intake.commands.places import time_zone_of
from services.intake.models import Case
from services.intake.queries import state_of
from services.intake.rules import custodian
from services.intake.schemas.access_record import AccessEntry, AccessPurpose, AccessRecord, AgencyNamed, Language
from services.intake.wording import acts, role_titles, word
from shared.security.audit import AUDIT, audit
from shared.work import Work

WHOLE = "access_record.print"
"""The permission to print the record of any case in one's scope."""
SHOWN = 5_000
"""Entries at most, the newest."""


def read_access_record(work: Work, case_id: str, purpose: AccessPurpose, language: Language) -> AccessRecord | None:
    """The record; None where it is refused, so that the refusal is committed and can be told. Audited either way.

    Whole for who has the person in hand, and for a supervisor in whose scope the case is. An agency with no more than
    the person's consent is shown its own acts: what the person told another is not its business (DESIGN 6).
    """
    case, caller = work.session.get(Case, case_id), work.caller
    whole = case is not None and (in_hands(work, case) or (WHOLE in caller.permissions and in_scope_of(caller, case)))
    if case is None or not (whole or identified(work, case)):
        audit(work, "access_record.read", case_id, purpose=purpose, outcome="refused")
        return None
    audit(work, "access_record.read", case_id, purpose=purpose)
    only = None if whole else caller.agency
    noted = select(AUDIT).where(AUDIT.c.subject == case_id, AUDIT.c.action.in_(acts()))
    if only is not None:
        noted = noted.where(AUDIT.c.agency == only)
    rows = work.session.execute(noted.order_by(AUDIT.c.at_ms.desc(), AUDIT.c.position.desc()).limit(SHOWN)).all()
    count = work.session.execute(select(func.count()).select_from(noted.subquery())).scalar_one()
    zone = ZoneInfo(time_zone_of(work, custodian(state_of(case)) or case.arrival_point))
    return AccessRecord(
        case_id=case_id,
        language=language,
        time_zone=zone.key,
        printed_at=work.now.astimezone(zone).isoformat(timespec="seconds"),
        limited_to=None if only is None else _agency(only, language),
        earlier=count - len(rows),
        entries=[_entry(row, zone, language) for row in reversed(rows)],
    )


def _entry(row: Any, zone: ZoneInfo, language: Language) -> AccessEntry:
    return AccessEntry(
        at=datetime.fromtimestamp(row.at_ms / 1000, UTC).astimezone(zone).isoformat(timespec="seconds"),
        act=row.action,
        act_title=word("acts", row.action, language),
        agency=_agency(row.agency, language),
        roles=role_titles(row.roles.split(","), language),
        purpose=row.purpose or None,
        purpose_title=word("purposes", row.purpose, language) if row.purpose else None,
        outcome=row.outcome,
        outcome_title=word("outcomes", row.outcome, language),
    )


def _agency(code: str, language: Language) -> AgencyNamed:
    return AgencyNamed(code=code, name=word("agencies", code, language))
