"""Recording sessions: one, or a group of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter

from sqlalchemy import insert, select
from sqlmodel import col

from services.psychosocial.commands.forgetting import erased_among, hold_cases
from services.psychosocial.commands.keys import keys_of
from services.psychosocial.models import Place, Session
from services.psychosocial.problems import CaseUnknown, IdTaken, ImpossibleDate, TwiceInRequest
from services.psychosocial.queries import stays_of
from services.psychosocial.rules import facility_of_session
from services.psychosocial.schemas import NewSession, RecordSessions, Sessions, SessionView
from shared.database.models import table_of
from shared.events.psychosocial import SessionRecorded
from shared.http.faults import Fault
from shared.http.problems import PersonErased, Problem
from shared.times import InTheFuture, not_after
from shared.work import Work

USUAL_TIME_ZONE = "Asia/Jakarta"
"""Of a shelter whose particulars have not been heard yet."""


def record_sessions(work: Work, body: RecordSessions) -> Sessions:
    """Record the sessions; one that is known under its id already is answered as it stands.

    A facility in the caller's scope must have had the person by that day; it may be entered late, after they left.
    Raises TwiceInRequest, CaseUnknown, PersonErased, ImpossibleDate, IdTaken; then nothing is recorded.
    """
    _each_id_once(body.sessions)
    facilities = _facilities(work, body.sessions)
    _none_is_erased(work, body.sessions)
    occurred = _moments(work, body.sessions, facilities)
    known = _known(work, body.sessions)
    new = [one for one in body.sessions if one.id not in known]
    if new:
        _write(work, new, facilities)
    for one in new:
        fact = SessionRecorded(session=one.id, layer=one.layer, kind=one.kind, on=one.on)
        work.record(one.case_id, fact, occurred[one.id])
    return Sessions(
        sessions=[
            SessionView(
                session_id=one.id,
                case_id=one.case_id,
                facility=known[one.id].facility if one.id in known else facilities[one.id],
                layer=one.layer,
                kind=one.kind,
                on=one.on,
                has_note=one.note is not None,
            )
            for one in body.sessions
        ]
    )


def _write(work: Work, new: Sequence[NewSession], facilities: Mapping[str, str]) -> None:
    keys = keys_of(work, (one.case_id for one in new if one.note is not None))
    rows = [
        {
            "session_id": one.id,
            "case_id": one.case_id,
            "facility": facilities[one.id],
            "layer": one.layer,
            "kind": one.kind,
            "on_date": one.on,
            "note": None
            if one.note is None
            else keys[one.case_id].seal(one.note, case=one.case_id, table="sessions", column="note"),
            "recorded_by": work.caller.subject,
            "recorded_at": work.now,
        }
        for one in sorted(new, key=attrgetter("id"))  # groups that share some wait for each other, and only one way
    ]
    work.session.execute(insert(table_of(Session)), rows)


def _each_id_once(sessions: Sequence[NewSession]) -> None:
    seen: set[str] = set()
    twice = []
    for at, one in enumerate(sessions):
        if one.id in seen:
            twice.append(Fault("stands twice in the request", f"#/sessions/{at}/id"))
        seen.add(one.id)
    _none_or(TwiceInRequest, twice)


def _none_is_erased(work: Work, sessions: Sequence[NewSession]) -> None:
    """Raises PersonErased."""
    cases = {one.case_id for one in sessions}
    hold_cases(work.session, cases)
    erased = erased_among(work.session, cases)
    _none_or(
        PersonErased,
        [Fault("erased", f"#/sessions/{at}/case_id") for at, one in enumerate(sessions) if one.case_id in erased],
    )


def _facilities(work: Work, sessions: Sequence[NewSession]) -> dict[str, str]:
    """The facility of each session. Raises CaseUnknown, ImpossibleDate (before the person came)."""
    stays = stays_of(work.session, (one.case_id for one in sessions), work.caller)
    _none_or(
        CaseUnknown,
        [
            Fault("no such case", f"#/sessions/{at}/case_id")
            for at, one in enumerate(sessions)
            if one.case_id not in stays
        ],
    )
    found = {one.id: facility_of_session(stays[one.case_id], one.on) for one in sessions}
    _none_or(
        ImpossibleDate,
        [
            Fault("lies before the person came", f"#/sessions/{at}/on")
            for at, one in enumerate(sessions)
            if found[one.id] is None
        ],
    )
    return {session_id: facility for session_id, facility in found.items() if facility is not None}


def _moments(work: Work, sessions: Sequence[NewSession], facilities: Mapping[str, str]) -> dict[str, datetime]:
    """Noon of the day at the facility. Raises ImpossibleDate for the future."""
    places = work.session.scalars(select(Place).where(col(Place.code).in_(sorted(set(facilities.values())))))
    zones = {place.code: place.time_zone for place in places}
    moments: dict[str, datetime] = {}
    future = []
    for at, one in enumerate(sessions):
        try:
            moments[one.id] = not_after(one.on, work.now, zones.get(facilities[one.id], USUAL_TIME_ZONE))
        except InTheFuture as beyond:
            future.append(Fault(str(beyond), f"#/sessions/{at}/on"))
    _none_or(ImpossibleDate, future)
    return moments


def _known(work: Work, sessions: Sequence[NewSession]) -> dict[str, Session]:
    """What is recorded already under these ids. Raises IdTaken where that is another session."""
    rows = work.session.scalars(select(Session).where(col(Session.session_id).in_(sorted(one.id for one in sessions))))
    known = {row.session_id: row for row in rows}
    keys = keys_of(work, (row.case_id for row in known.values() if row.note is not None))

    def same(one: NewSession, row: Session) -> bool:
        plain = (
            None
            if row.note is None
            else keys[row.case_id].open(row.note, case=row.case_id, table="sessions", column="note")
        )
        return (one.case_id, one.layer, one.kind, one.on, one.note) == (
            row.case_id,
            row.layer,
            row.kind,
            row.on_date,
            plain,
        )

    _none_or(
        IdTaken,
        [
            Fault("this id was used for something else", f"#/sessions/{at}/id")
            for at, one in enumerate(sessions)
            if one.id in known and not same(one, known[one.id])
        ],
    )
    return known


def _none_or(problem: type[Problem], faults: Sequence[Fault]) -> None:
    if faults:
        raise problem(errors=faults)
