"""Who saw the person's identity, for the person: they ask, and whoever answers them prints it (UU 27/2022)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, literal, literal_column, select

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
"""Entries at most, the newest; of reads and of refusals each, so that no flood of these hides those."""
DONE = "done"
_DAY_MS = 24 * 3600 * 1000


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
    zone = ZoneInfo(time_zone_of(work, custodian(state_of(case)) or case.arrival_point))
    meant = [AUDIT.c.subject == case_id, AUDIT.c.action.in_(acts())]
    if only is not None:
        meant.append(AUDIT.c.agency == only)
    rows = [*_each_read(work, meant), *_refusals_by_day(work, meant, zone)]
    count = work.session.execute(select(func.count()).select_from(AUDIT).where(*meant)).scalar_one()
    rows.sort(key=lambda row: (row.at_ms, row.position))
    return AccessRecord(
        case_id=case_id,
        language=language,
        time_zone=zone.key,
        printed_at=work.now.astimezone(zone).isoformat(timespec="seconds"),
        limited_to=None if only is None else _agency(only, language),
        earlier=count - sum(row.times for row in rows),
        entries=[_entry(row, zone, language) for row in rows],
    )


def _each_read(work: Work, meant: Sequence[ColumnElement[bool]]) -> Sequence[Any]:
    """What was done with the identity: each time by itself."""
    once = literal(1).label("times"), AUDIT.c.at_ms.label("until_ms")
    done = select(AUDIT, *once).where(*meant, AUDIT.c.outcome == DONE)
    return work.session.execute(done.order_by(AUDIT.c.at_ms.desc(), AUDIT.c.position.desc()).limit(SHOWN)).all()


def _refusals_by_day(work: Work, meant: Sequence[ColumnElement[bool]], zone: ZoneInfo) -> Sequence[Any]:
    """Whoever is refused may ask as often as they like: the same of one day in the place's time is one entry."""
    alike = (AUDIT.c.agency, AUDIT.c.roles, AUDIT.c.action, AUDIT.c.purpose, AUDIT.c.outcome)
    # The zones of Indonesia have had one offset since 1988.
    ahead_ms = int((zone.utcoffset(work.now.replace(tzinfo=None)) or timedelta()).total_seconds() * 1000)
    day = (AUDIT.c.at_ms + ahead_ms) // literal_column(str(_DAY_MS))
    grouped = (
        select(
            *alike,
            func.min(AUDIT.c.at_ms).label("at_ms"),
            func.max(AUDIT.c.at_ms).label("until_ms"),
            func.min(AUDIT.c.position).label("position"),
            func.count().label("times"),
        )
        .where(*meant, AUDIT.c.outcome != DONE)
        .group_by(*alike, day)
    )
    return work.session.execute(grouped.order_by(func.max(AUDIT.c.at_ms).desc()).limit(SHOWN)).all()


def _entry(row: Any, zone: ZoneInfo, language: Language) -> AccessEntry:
    def told(at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).isoformat(timespec="seconds")

    return AccessEntry(
        at=told(row.at_ms),
        until=told(row.until_ms) if row.times > 1 else None,
        times=row.times,
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
