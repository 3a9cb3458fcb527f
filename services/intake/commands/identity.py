"""Who the person is: read with a purpose, by custody or consent, and noted either way."""

from datetime import date
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlmodel import col

from services.intake.commands.cases import one_case
from services.intake.commands.known import tokens_of
from services.intake.commands.registration import sealed_identity
from services.intake.models import BlindToken, Case, Consent, Identity
from services.intake.queries import state_of
from services.intake.rules import custodian
from services.intake.schemas import CorrectIdentity, IdentityView, Purpose, TravelDocument
from shared.database.models import table_of
from shared.http.preconditions import must_match
from shared.security.audit import audit
from shared.work import Work

HANDLES_PEOPLE = frozenset({"arrival_officer", "shelter_staff", "supervisor"})
"""Roles whose custody opens an identity: staff on duty at the place that has the person in its hands."""


def read_identity(work: Work, case_id: str, purpose: Purpose) -> tuple[IdentityView, int] | None:
    """The identity and its version; None where it is refused, so that the refusal is committed and can be told.

    Opened by custody (the token names the place that has the person, and a role that handles people) or by the
    person's consent at level `identified` for the caller's agency. Every read and every refusal is audited.
    """
    case = work.session.get(Case, case_id)
    if case is None or not _open_to(work, case):
        audit(work, "identity.read", case_id, purpose=purpose, outcome="refused")
        return None
    audit(work, "identity.read", case_id, purpose=purpose)
    return _opened(work, case)


def correct_identity(work: Work, case_id: str, body: CorrectIdentity, if_match: str | None) -> tuple[IdentityView, int]:
    """Replace the identity by what is right; tokens follow. By custody only.

    Raises CaseUnknown, PreconditionFailed, PreconditionRequired.
    """
    case = one_case(work, case_id)
    identity = work.session.get_one(Identity, case_id)
    must_match(if_match, identity.version)
    row = sealed_identity(work.keys.get(case.key_id), case_id, body) | {"version": identity.version + 1}
    work.session.execute(update(table_of(Identity)).where(table_of(Identity).c.case_id == case_id).values(row))
    work.session.expire(identity)
    work.session.execute(delete(table_of(BlindToken)).where(table_of(BlindToken).c.case_id == case_id))
    tokens = tokens_of(work.secrets.blind, body)
    if tokens.all:
        work.session.execute(
            insert(table_of(BlindToken)),
            [{"kind": kind, "token": token, "case_id": case_id} for kind, token in tokens.all],
        )
    audit(work, "identity.correct", case_id, purpose="registration")
    return _opened(work, case)


def _open_to(work: Work, case: Case) -> bool:
    caller = work.caller
    in_hands_of = custodian(state_of(case))
    if in_hands_of is not None and in_hands_of in caller.facilities and caller.roles & HANDLES_PEOPLE:
        return True
    level = work.session.scalars(
        select(col(Consent.level)).where(col(Consent.case_id) == case.case_id, col(Consent.agency) == caller.agency)
    ).one_or_none()
    return level == "identified"


def _opened(work: Work, case: Case) -> tuple[IdentityView, int]:
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
