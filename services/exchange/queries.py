"""Reading the logs: what an agency may have of a stretch of its log, decided now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import and_, bindparam, select, true
from sqlalchemy.orm import Session

from services.exchange.directory import Directory
from services.exchange.disclosure import AgencyView, disclose
from services.exchange.models import Agency, ConsentLevelRow, ConsentStep, LogHead, LogRow, StoredEvent
from services.exchange.policy import Policy
from services.exchange.rules import NOTHING, Standing, Step, levels_at_sending
from services.exchange.schemas import AgencyLog
from shared.database.bulk import one_by_one
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.events.envelope import Event

_LOG = table_of(LogRow)
_STORED = table_of(StoredEvent)
_NOW = table_of(ConsentLevelRow)
_STEP = table_of(ConsentStep)
_HEAD = table_of(LogHead)
_AGENCY = table_of(Agency)


def _shown(dialect: str) -> Any:
    """Rows of a log with all that decides what the agency sees of them."""
    steps = and_(_STEP.c.event == _LOG.c.event, _STEP.c.agency == _LOG.c.agency)
    step: Any = _STEP
    if dialect == "postgresql":
        step, steps = one_by_one(select(_STEP).where(steps).correlate(_LOG), "step"), true()
    return (
        select(
            _LOG.c.position,
            _LOG.c.grant_number,
            _STORED.c.payload,
            _NOW.c.level.label("level_now"),
            _NOW.c.grant_number.label("grant_now"),
            step.c.level_before,
            step.c.level_after,
            step.c.grant_number.label("grant_then"),
            select(_HEAD.c.directory).scalar_subquery().label("directory"),
        )
        .join(_STORED, _STORED.c.position == _LOG.c.event)
        .join(_NOW, and_(_NOW.c.case_id == _STORED.c.subject, _NOW.c.agency == _LOG.c.agency), isouter=True)
        .join(step, steps, isouter=True)
        .where(_LOG.c.agency == bindparam("of_agency"))
        .order_by(_LOG.c.position)
    )


_ROWS = Prepared(
    lambda dialect: _shown(dialect).where(_LOG.c.position > bindparam("after")).limit(bindparam("at_most"))
)
_AT = Prepared(lambda dialect: _shown(dialect).where(_LOG.c.position.in_(bindparam("at_positions", expanding=True))))
_UNSENT = Prepared(
    select(_AGENCY.c.agency, _AGENCY.c.sent)
    .where(_AGENCY.c.agency.in_(bindparam("of_agencies", expanding=True)), _AGENCY.c.sent < _AGENCY.c.last)
    .order_by(_AGENCY.c.agency)
)


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One event as an agency may have it: its key, and the bytes of the CloudEvent."""

    key: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some rows of an agency's log, disclosed. `last`: position of the last row; those without an event are passed."""

    events: list[Disclosed]
    last: int
    full: bool
    """Whether there may be more behind it."""


def read_log(session: Session, directory: Directory, agency: str, after: int, limit: int) -> Stretch:
    """Up to `limit` rows after a position, as consent, policy and places stand now."""
    rows = _ROWS.all(session, of_agency=agency, after=after, at_most=limit)
    if not rows:
        return Stretch([], after, full=False)
    view = directory.view(session, agency, rows[0].directory)
    events = [told for row in rows if (told := _disclosed(view, row)) is not None]
    return Stretch(events, rows[-1].position, full=len(rows) == limit)


def read_at(session: Session, directory: Directory, agency: str, positions: Sequence[int]) -> dict[int, Disclosed]:
    """As `read_log`, of the rows at these positions; those that show nothing are left out."""
    rows = _AT.all(session, of_agency=agency, at_positions=positions) if positions else []
    if not rows:
        return {}
    view = directory.view(session, agency, rows[0].directory)
    return {row.position: told for row in rows if (told := _disclosed(view, row)) is not None}


def _disclosed(view: AgencyView, row: Any) -> Disclosed | None:
    now = NOTHING if row.level_now is None else Standing(row.level_now, row.grant_now)
    step = None
    if row.grant_then is not None:
        step = Step(0, view.agency, row.level_before, row.level_after, row.grant_then)
    before, after = levels_at_sending(row.grant_number, now, step)
    if before == after == "none":
        return None
    told = disclose(view, _stored(row.payload, row.grant_number or None), before, after)
    return None if told is None else Disclosed(told.subject, told.to_bytes())


def _stored(payload: bytes, grant: int | None) -> Event:
    """A stored event in one grant. It was judged when it came in: to judge it again costs more than all the rest."""
    said = orjson.loads(payload)
    return Event(
        id=said["id"],
        source=said["source"],
        type=said["type"],
        subject=said["subject"],
        time=said["time"],
        recordedtime=said["recordedtime"],
        streamversion=said["streamversion"],
        data=said.get("data"),
        grant=grant,
        correlationid=said.get("correlationid"),
        causationid=said.get("causationid"),
        traceparent=said.get("traceparent"),
    )


def unsent(session: Session, agencies: Mapping[str, Policy]) -> dict[str, int]:
    """How far each agency's topic stands, for those whose log has more."""
    return {row.agency: row.sent for row in _UNSENT.all(session, of_agencies=sorted(agencies))}


def list_agencies(session: Session, policies: Mapping[str, Policy]) -> list[AgencyLog]:
    """Every agency of the policy, with how far its log and its topic are."""
    known = {row.agency: row for row in session.execute(select(_AGENCY))}
    return [
        AgencyLog(
            agency=agency,
            name=policy.name,
            kind=policy.kind,
            withheld=sorted(policy.withheld),
            last=known[agency].last if agency in known else 0,
            sent=known[agency].sent if agency in known else 0,
        )
        for agency, policy in sorted(policies.items())
    ]
