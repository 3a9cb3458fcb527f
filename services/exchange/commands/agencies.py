"""Agencies join, are given another policy, and leave. Each change is a version, with who made it and when."""

import contextlib
from dataclasses import replace
from datetime import datetime

from sqlalchemy import insert, update
from sqlalchemy.orm import Session
from sqlmodel import col

from services.exchange.directory import changed
from services.exchange.joining import begin_log
from services.exchange.log import take_positions
from services.exchange.models import Agency, PolicyVersion
from services.exchange.policy import Policy, load_policies
from services.exchange.problems import AgencyUnknown, OwnAgency
from services.exchange.schemas.agencies import PutAgency
from shared.database.models import table_of
from shared.events.exchange import AgencyJoined, AgencyLeft
from shared.http.preconditions import PreconditionFailed, must_match
from shared.outbox.record import StateBehind
from shared.security.audit import audit
from shared.security.membership import agencies_left, let_back, shut_out
from shared.work import Work


def put_agency(work: Work, agency: str, body: PutAgency, if_match: str | None) -> Policy:
    """An agency joins, or one that is known (then with If-Match) gets another policy or comes back.

    Who joins has the log that it would have had from the beginning, as soon as it is written: what it may see of it,
    consent says. Who comes back finds its topic filled anew. Raises PreconditionFailed, PreconditionRequired.
    """
    take_positions(work.session, 0)  # before any row of an agency, as whoever takes events in
    known = load_policies(work.session).get(agency)
    if known is None and if_match is not None:
        raise PreconditionFailed
    if known is None:
        begin_log(work.session, agency)
    else:
        must_match(if_match, known.version)
        if not known.member:
            send_anew(work.session, agency)
    if known is None or not known.member:
        let_back(work.session, agency)
        work.record(agency, AgencyJoined(agency=agency))
    policy = Policy(
        agency=agency,
        name=body.name,
        kind=body.kind,
        withheld=frozenset(body.withheld),
        withheld_fields={of: frozenset(fields) for of, fields in body.withheld_fields.items() if fields},
        member=True,
        version=1 if known is None else known.version + 1,
    )
    write_policy(work.session, policy, work.now, work.caller.subject)
    audit(work, "policy.change" if known is not None and known.member else "agency.join", agency)
    return policy


def remove_agency(work: Work, agency: str, if_match: str | None) -> Policy:
    """The agency leaves: nothing goes out to it from the commit on. Its log is kept, for the case that it comes back.

    The other services are told, and let nobody of it in any more. An administrator cannot send their own agency away,
    so that somebody is left who can call it back. Raises OwnAgency, AgencyUnknown (also for one that has left),
    PreconditionFailed, PreconditionRequired.
    """
    if agency == work.caller.agency:
        raise OwnAgency
    take_positions(work.session, 0)
    known = load_policies(work.session).get(agency)
    if known is None or not known.member:
        raise AgencyUnknown
    must_match(if_match, known.version)
    gone = replace(known, member=False, version=known.version + 1)
    write_policy(work.session, gone, work.now, work.caller.subject)
    shut_out(work.session, agency, work.now)
    work.record(agency, AgencyLeft(agency=agency))
    audit(work, "agency.leave", agency)
    return gone


def tell_who_left(work: Work) -> None:
    """The services are told of agencies that had left before they asked: the clock does so.

    Of one whose events are newer than what is known of it here, after a restore, nothing is told: they were.
    """
    take_positions(work.session, 0)  # else one that comes back at this moment would be shut out for good
    told = agencies_left(work.session)
    for agency, policy in load_policies(work.session).items():
        if not policy.member and agency not in told:
            shut_out(work.session, agency, work.now)
            with contextlib.suppress(StateBehind), work.attempt():
                work.record(agency, AgencyLeft(agency=agency))


def send_anew(session: Session, agency: str) -> None:
    """Its topic is filled from the beginning."""
    session.execute(update(Agency).where(col(Agency.agency) == agency).values(sent=0))


def write_policy(session: Session, policy: Policy, now: datetime, by: str) -> None:
    """A version more, and views that were made before are made anew."""
    session.execute(
        insert(table_of(PolicyVersion)).values(
            agency=policy.agency,
            version=policy.version,
            name=policy.name,
            kind=policy.kind,
            withheld=sorted(policy.withheld),
            withheld_fields={of: sorted(fields) for of, fields in policy.withheld_fields.items()},
            member=policy.member,
            changed_at=now,
            changed_by=by,
        )
    )
    changed(session)
