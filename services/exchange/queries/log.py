"""Reading the logs: what an agency may have of a stretch of its log, decided now."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import and_, bindparam, select, true
from sqlalchemy.orm import Session

from services.exchange.directory import Directory
from services.exchange.disclosure import AgencyView, disclose
from services.exchange.models import (
    Agency,
    ConsentLevelRow,
    ConsentStep,
    LogHead,
    LogRow,
    StoredEvent,
)
from services.exchange.problems import NoPolicy
from services.exchange.rules import NO_GRANT, NOTHING, Standing, Step, levels_at_sending
from shared.database.bulk import one_by_one
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.events.envelope import Event
from shared.events.intake import CaseErased, ConsentChanged
from shared.http.bodies import ID_PATTERN

MOST_OF_A_CASE = 10_000
"""A case has some dozens of events."""
_LOG = table_of(LogRow)
_STORED = table_of(StoredEvent)
_NOW = table_of(ConsentLevelRow)
_STEP = table_of(ConsentStep)
_HEAD = table_of(LogHead)
_AGENCY = table_of(Agency)


@dataclass(frozen=True, slots=True)
class Choice:
    """What of its log an agency wants to see. `types`: as they are disclosed; what asks it to delete always comes."""

    types: frozenset[str] | None = None
    subject: str | None = None

    @property
    def gapless(self) -> bool:
        """Whether versions may be counted: some types alone leave gaps."""
        return self.types is None

    def takes(self, event: Event) -> bool:
        if self.subject is not None and event.subject != self.subject:
            return False
        return self.types is None or event.type in self.types or asks_to_delete(event)


EVERYTHING = Choice()


def asks_to_delete(event: Event) -> bool:
    """Whether a disclosed event asks its reader to delete."""
    if event.type == CaseErased.TYPE:
        return True
    return event.type == ConsentChanged.TYPE and "deletion_requested" in (event.data or {})


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
            _NOW.c.erased.label("erased_now"),
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


def _page(dialect: str) -> Any:
    return _shown(dialect).where(_LOG.c.position > bindparam("after")).limit(bindparam("at_most"))


def _page_of_case(dialect: str) -> Any:
    # The grants by number: together with the events of the case they are found in the index, however long the log.
    grants = _LOG.c.grant_number.in_(bindparam("of_grants", expanding=True))
    return _page(dialect).where(_STORED.c.subject == bindparam("of_case"), grants)


_ROWS = Prepared(_page)
_ROWS_OF_CASE = Prepared(_page_of_case)
_AT = Prepared(lambda dialect: _shown(dialect).where(_LOG.c.position.in_(bindparam("at_positions", expanding=True))))
_GRANTS = Prepared(
    select(_NOW.c.grant_number).where(_NOW.c.case_id == bindparam("of_case"), _NOW.c.agency == bindparam("of_agency"))
)
_CASE = re.compile(ID_PATTERN)
_UNSENT = Prepared(
    select(_AGENCY.c.agency, _AGENCY.c.sent).where(_AGENCY.c.sent < _AGENCY.c.last).order_by(_AGENCY.c.agency)
)


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One event as an agency may have it, in the bytes of the CloudEvent. `position`: its place in the log."""

    position: int
    key: str
    """Its subject."""
    type: str
    asks_to_delete: bool
    payload: bytes


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some rows of an agency's log, disclosed. `last`: position of the last row; those without an event are passed."""

    events: list[Disclosed]
    last: int
    full: bool
    """Whether there may be more behind it."""
    after: int
    """Where it begins: behind this position."""


def read_log(
    session: Session, directory: Directory, agency: str, after: int, limit: int, choice: Choice = EVERYTHING
) -> Stretch:
    """Up to `limit` rows after a position, as consent, policy and places stand now. Raises NoPolicy."""
    if choice.subject is not None and _CASE.fullmatch(choice.subject):
        rows = _of_case(session, agency, choice.subject, after, limit)
    else:
        rows = _ROWS.all(session, of_agency=agency, after=after, at_most=limit)
    view = directory.view(session, agency, rows[0].directory if rows else None)
    if view is None:
        raise NoPolicy
    if not rows:
        return Stretch([], after, full=False, after=after)
    events = [
        _in_bytes(row, told) for row in rows if (told := _disclosed(view, row)) is not None and choice.takes(told)
    ]
    return Stretch(events, rows[-1].position, full=len(rows) == limit, after=after)


def read_at(session: Session, directory: Directory, agency: str, positions: Sequence[int]) -> dict[int, Disclosed]:
    """As `read_log`, of the rows at these positions; those that show nothing are left out, all of a stranger's."""
    rows = _AT.all(session, of_agency=agency, at_positions=positions) if positions else []
    view = directory.view(session, agency, rows[0].directory) if rows else None
    if view is None:
        return {}
    return {row.position: _in_bytes(row, told) for row in rows if (told := _disclosed(view, row)) is not None}


def read_case(session: Session, directory: Directory, agency: str, case: str) -> list[Event]:
    """All that an agency may have of one case now, in the order of its log. Raises NoPolicy."""
    view = directory.view(session, agency)
    if view is None:
        raise NoPolicy
    rows = _of_case(session, agency, case, 0, MOST_OF_A_CASE)
    return [told for row in rows if (told := _disclosed(view, row)) is not None]


def _of_case(session: Session, agency: str, case: str, after: int, limit: int) -> list[Any]:
    newest = _GRANTS.first(session, of_case=case, of_agency=agency)
    # The first of them also where there was none: what stands outside grants carries its number.
    grants = range((newest.grant_number if newest else 0) + 1)
    return _ROWS_OF_CASE.all(
        session, of_agency=agency, of_case=case, of_grants=list(grants), after=after, at_most=limit
    )


def _in_bytes(row: Any, told: Event) -> Disclosed:
    return Disclosed(row.position, told.subject, told.type, asks_to_delete(told), told.to_bytes())


def _disclosed(view: AgencyView, row: Any) -> Event | None:
    now = NOTHING if row.level_now is None else Standing(row.level_now, row.grant_now, bool(row.erased_now))
    step = None
    if row.grant_then is not None:
        step = Step(0, "", view.agency, row.level_before, row.level_after, row.grant_then)
    before, after = levels_at_sending(row.grant_number, now, step)
    if before == after == "none" and row.grant_number != NO_GRANT:
        return None
    return disclose(view, _stored(row.payload, row.grant_number or None), before, after)


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


def unsent(session: Session, directory: Directory) -> dict[str, int]:
    """How far each agency's topic stands, for those whose log has more."""
    behind = _UNSENT.all(session)
    members = directory.members(session) if behind else {}
    return {row.agency: row.sent for row in behind if row.agency in members}
