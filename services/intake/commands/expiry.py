"""Consent that was given for a time ends when that time is over, and is told as a decision like any other."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select
from sqlmodel import col

from services.intake.commands.cases import locked
from services.intake.commands.places import time_zone_of
from services.intake.models import Case, Consent, Place
from shared.events.intake import ConsentChanged, ConsentDecision
from shared.restoring.entering import is_behind
from shared.times import local_date
from shared.work import Work

EXPIRED_AT_ONCE = 500


def expire_consents(work: Work) -> int:
    """What the clock asks for: consents whose last day is over are recorded as expired; how many.

    A day begins at the arrival point's midnight, and that is when the consent ended. Cases that wait for an officer
    after a restore are passed over: the others do not wait with them.
    """
    due = _due(work)
    cases = locked(work, sorted({case_id for case_id, _ in due}))
    expired = 0
    for case_id, agency in due:
        consent = work.session.get_one(Consent, (case_id, agency))  # read after the lock: it may be renewed by now
        zone = time_zone_of(work, cases[case_id].arrival_point)
        if not has_expired(consent, work.now, zone) or consent.expires_on is None:
            continue
        ended = datetime.combine(consent.expires_on, time(), ZoneInfo(zone))
        consent.status, consent.level, consent.decided_on = "expired", "none", consent.expires_on
        decision = ConsentDecision(agency=agency, status="expired", level="none")
        work.record(case_id, ConsentChanged(decisions=(decision,), given_by=consent.given_by), ended)
        expired += 1
    return expired


def has_expired(consent: Consent, now: datetime, time_zone: str) -> bool:
    """Whether a consent that was given is over: it does not hold on the day `expires_on` any more."""
    ends = consent.expires_on
    return consent.status == "given" and ends is not None and ends <= local_date(now, time_zone)


def _due(work: Work) -> list[tuple[str, str]]:
    """Case and agency of what may have expired."""
    zones = work.session.scalars(select(col(Place.time_zone)).distinct()).all()
    over = [and_(col(Place.time_zone) == zone, col(Consent.expires_on) <= local_date(work.now, zone)) for zone in zones]
    if not over:
        return []
    rows = work.session.execute(
        select(col(Consent.case_id), col(Consent.agency))
        .join(Case, col(Case.case_id) == col(Consent.case_id))
        .join(Place, col(Place.code) == col(Case.arrival_point))
        .where(col(Consent.status) == "given", or_(*over), ~is_behind(col(Consent.case_id)))
        .order_by(col(Consent.case_id), col(Consent.agency))
        .limit(EXPIRED_AT_ONCE)
    )
    return [(row.case_id, row.agency) for row in rows]
