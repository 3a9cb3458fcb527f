"""The indicators, counted over the picture that the projection keeps."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Mapped, Session
from sqlmodel import col

from services.exchange.models import CaseFact, ConsentFact, FacilityFact, IssueCount, SessionCount, StayFact
from services.exchange.projections import INDICATORS
from services.exchange.schemas import Indicators
from services.exchange.timeline import KIT

GONE_HOME = "return_home"
NIGHT = timedelta(days=1)

NOW = INDICATORS.live
"""The generation of the picture that is asked; any other is being built, or on its way out."""

Nights = tuple[str, date, date]
"""A shelter, the first night, and the morning after the last."""


def indicators(session: Session, since: date, until: date) -> Indicators:
    """Figures from `since` up to and with `until`: arrivals, check-ins, issues and sessions of those days, and nights.

    Who is resident is so on the night of `until`; a person takes a bed on every night from the check-in until the night
    before the check-out.
    """
    arrived = and_(col(CaseFact.generation) == NOW, col(CaseFact.arrival_date).between(since, until))
    shelters = (
        select(col(FacilityFact.facility), col(FacilityFact.beds))
        .where(col(FacilityFact.generation) == NOW, col(FacilityFact.kind) == "shelter")
        .order_by(col(FacilityFact.facility))
    )
    beds = dict(session.execute(shelters).all())
    resident = _by_shelter(
        session, beds, col(StayFact.checked_in) <= until, _or_open(col(StayFact.checked_out) > until)
    )
    bed_nights, peaks = nights_and_peaks(_nights(session, since, until))
    return Indicators(
        cases=session.execute(select(func.count()).select_from(CaseFact).where(arrived)).scalar_one(),
        sent_home=session.execute(
            select(func.count(col(StayFact.case_id).distinct())).where(
                col(StayFact.generation) == NOW,
                col(StayFact.reason) == GONE_HOME,
                col(StayFact.checked_out).between(since, until),
            )
        ).scalar_one(),
        still_resident=sum(resident.values()),
        resident_by_shelter=resident,
        checked_in_by_shelter=_by_shelter(session, beds, col(StayFact.checked_in).between(since, until)),
        beds_by_shelter=beds,
        peak_occupancy_by_shelter=dict.fromkeys(beds, 0) | peaks,
        bed_nights_by_shelter=dict.fromkeys(beds, 0) | bed_nights,
        by_trafficking_status=_by(session, col(CaseFact.trafficking_status), arrived),
        by_arrival_point=_by(session, col(CaseFact.arrival_point), arrived),
        by_sex=_by(session, col(CaseFact.sex), arrived),
        hygiene_kits_issued=_sum(
            session,
            select(func.sum(col(IssueCount.quantity))).where(
                col(IssueCount.generation) == NOW,
                col(IssueCount.item) == KIT,
                col(IssueCount.day).between(since, until),
            ),
        ),
        psychosocial_sessions=_sum(
            session,
            select(func.sum(col(SessionCount.sessions))).where(
                col(SessionCount.generation) == NOW, col(SessionCount.day).between(since, until)
            ),
        ),
        identity_consent=_identified(session, arrived),
    )


def nights_and_peaks(stays: Iterable[Nights]) -> tuple[dict[str, int], dict[str, int]]:
    """Per shelter: the sum of the nights, and the most beds taken on one of them."""
    nights: Counter[str] = Counter()
    changes: defaultdict[str, Counter[date]] = defaultdict(Counter)
    for shelter, first, morning in stays:
        nights[shelter] += (morning - first).days
        changes[shelter][first] += 1
        changes[shelter][morning] -= 1
    peaks = {}
    for shelter, changed in changes.items():
        taken = peak = 0
        for day in sorted(changed):
            taken += changed[day]
            peak = max(peak, taken)
        peaks[shelter] = peak
    return dict(nights), peaks


def _nights(session: Session, since: date, until: date) -> list[Nights]:
    """What of each stay lies in the period: half-open, of at least one night."""
    end = until + NIGHT
    rows = session.execute(
        select(col(StayFact.facility), col(StayFact.checked_in), col(StayFact.checked_out)).where(
            col(StayFact.generation) == NOW,
            col(StayFact.checked_in) <= until,
            _or_open(col(StayFact.checked_out) > since),
        )
    )
    return [
        (facility, max(checked_in, since), end if checked_out is None else min(checked_out, end))
        for facility, checked_in, checked_out in rows
    ]


def _or_open(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(col(StayFact.checked_out).is_(None), condition)


def _by_shelter(session: Session, shelters: Iterable[str], *conditions: ColumnElement[bool]) -> dict[str, int]:
    """Every shelter that is known, also one without anybody."""
    counted = _by(session, col(StayFact.facility), col(StayFact.generation) == NOW, *conditions)
    return dict(sorted((dict.fromkeys(shelters, 0) | counted).items()))


def _by(session: Session, column: Mapped[str] | Mapped[str | None], *conditions: ColumnElement[bool]) -> dict[str, int]:
    rows = session.execute(
        select(column, func.count()).where(*conditions, column.is_not(None)).group_by(column).order_by(column)
    )
    return {str(value): int(count) for value, count in rows}


def _sum(session: Session, query: Any) -> int:
    return int(session.execute(query).scalar_one() or 0)


def _identified(session: Session, arrived: ColumnElement[bool]) -> dict[str, int]:
    rows = session.execute(
        select(col(ConsentFact.agency), func.count())
        .join(CaseFact, col(CaseFact.case_id) == col(ConsentFact.case_id))
        .where(arrived, col(ConsentFact.generation) == NOW, col(ConsentFact.level) == "identified")
        .group_by(col(ConsentFact.agency))
        .order_by(col(ConsentFact.agency))
    )
    return {str(agency): int(count) for agency, count in rows}
