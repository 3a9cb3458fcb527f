"""Who the person is: read with a purpose, by custody or consent, and noted either way."""

from datetime import date
from typing import Any

from sqlalchemy import delete, insert, update

from services.intake.commands.cases import ERASED, in_scope_of, one_case
from services.intake.commands.expiry import has_expired
from services.intake.commands.known import tokens_of
from services.intake.commands.newcomers import age_band_of, sealed_identity, warnings_of
from services.intake.commands.pace import LIMITED, TooMany, too_many
from services.intake.commands.places import time_zone_of
from services.intake.models import BlindToken, Case, Consent, Identity
from services.intake.problems import IdentityRefused
from services.intake.queries import state_of
from services.intake.rules import custodian
from services.intake.schemas.people import CorrectIdentity, IdentityView, Purpose, TravelDocument
from shared.database.models import table_of
from shared.http.preconditions import must_match
from shared.http.problems import PersonErased, Problem
from shared.security.audit import audit
from shared.security.blind import BlindIndex
from shared.settings import Rate
from shared.work import Work

HANDLES_PEOPLE = frozenset({"arrival_officer", "shelter_staff", "supervisor"})
"""Roles whose custody opens an identity: staff on duty at the place that has the person in its hands."""


Opened = tuple[IdentityView, int]
"""An identity and its version."""


def read_identity(work: Work, case_id: str, purpose: Purpose, rate: Rate) -> Opened | TooMany | type[Problem]:
    """The identity; where it is refused the problem to tell, or TooMany, so that the refusal is committed before.

    Opened by custody (the token names the place that has the person, and a role that handles people) or by the
    person's consent at level `identified` for the caller's agency. Every read and every refusal is audited. Of who was
    erased nothing is left, which is told to whoever might see the case, or had the person's consent.
    """
    if (many := too_many(work, rate)) is not None:
        audit(work, "identity.read", case_id, purpose=purpose, outcome=LIMITED)
        return many
    case = work.session.get(Case, case_id)
    if case is not None and case.status == ERASED:
        audit(work, "identity.read", case_id, purpose=purpose, outcome="refused")
        had_consent = work.session.get(Consent, (case_id, work.caller.agency)) is not None
        return PersonErased if had_consent or in_scope_of(work.caller, case) else IdentityRefused
    if case is None or not (in_hands(work, case) or identified(work, case)):
        audit(work, "identity.read", case_id, purpose=purpose, outcome="refused")
        return IdentityRefused
    if work.session.get(Identity, case_id) is None:  # erased since the case was read
        audit(work, "identity.read", case_id, purpose=purpose, outcome="refused")
        return PersonErased
    audit(work, "identity.read", case_id, purpose=purpose)
    return _opened(work, case)


def correct_identity(
    work: Work, case_id: str, body: CorrectIdentity, if_match: str | None, rate: Rate
) -> Opened | TooMany | None:
    """Replace the identity by what is right; tokens, age band and warnings follow. By custody only.

    None or TooMany where it is refused, so that the refusal is committed. Raises CaseUnknown, PersonErased,
    CaseIsClosed, ImpossibleDate, PreconditionFailed, PreconditionRequired.
    """
    if (many := too_many(work, rate)) is not None:
        audit(work, "identity.correct", case_id, purpose="registration", outcome=LIMITED)
        return many
    case = one_case(work, case_id)
    if not in_hands(work, case):
        audit(work, "identity.correct", case_id, purpose="registration", outcome="refused")
        return None
    identity = work.session.get_one(Identity, case_id)
    must_match(if_match, identity.version)
    case.age_band = age_band_of(body.birth_date, case.arrival_date)
    case.warnings = warnings_of(body, case.sex, case.origin_regency)
    row = sealed_identity(work.keys.get(case.key_id), case_id, body) | {"version": identity.version + 1}
    work.session.execute(update(table_of(Identity)).where(table_of(Identity).c.case_id == case_id).values(row))
    work.session.expire(identity)
    work.session.execute(delete(table_of(BlindToken)).where(table_of(BlindToken).c.case_id == case_id))
    tokens = tokens_of(BlindIndex(work.secrets.blind), body)
    if tokens.all:
        work.session.execute(
            insert(table_of(BlindToken)),
            [{"kind": kind, "token": token, "case_id": case_id} for kind, token in tokens.all],
        )
    audit(work, "identity.correct", case_id, purpose="registration")
    return _opened(work, case)


def note_refusal(work: Work, action: str, case_id: str, purpose: str) -> None:
    """Somebody whose roles open no identity at all asked for one."""
    audit(work, action, case_id, purpose=purpose, outcome="refused")


def in_hands(work: Work, case: Case) -> bool:
    """Custody: the token names the place that has the person, and a role that handles people."""
    place = custodian(state_of(case))
    return place is not None and place in work.caller.facilities and bool(work.caller.roles & HANDLES_PEOPLE)


def identified(work: Work, case: Case) -> bool:
    """Consent at level `identified` that holds today, whether or not the clock has recorded its end."""
    consent = work.session.get(Consent, (case.case_id, work.caller.agency))
    if consent is None or consent.level != "identified":
        return False
    return not has_expired(consent, work.now, time_zone_of(work, case.arrival_point))


def _opened(work: Work, case: Case) -> Opened:
    identity = work.session.get_one(Identity, case.case_id)
    key = work.keys.get(case.key_id)

    def read(column: str) -> Any:
        sealed = getattr(identity, column)
        return None if sealed is None else key.open(sealed, case=case.case_id, table="identities", column=column)

    born, document = read("birth_date"), read("document")
    view = IdentityView(
        case_id=case.case_id,
        name=read("name"),
        birth_date=date.fromisoformat(born) if born else None,
        nik=read("nik"),
        document=TravelDocument.model_validate_json(document) if document else None,
        phone=read("phone"),
    )
    return view, identity.version
