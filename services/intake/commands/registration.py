"""Registering one person."""

import hmac

import uuid_utils

from services.intake.commands.cases import ERASED
from services.intake.commands.forgetting import was_erased
from services.intake.commands.known import hold_people, in_sight, known_cases, tokens_of
from services.intake.commands.newcomers import Newcomer, age_band_of, must_have_arrived, register, warnings_of
from services.intake.commands.places import post
from services.intake.models import Case, Identity
from services.intake.problems import IdTaken, KnownAlready
from services.intake.schemas.people import CaseRegisteredView, RegisterCase
from shared.http.problems import PersonErased
from shared.security.audit import audit
from shared.security.blind import BlindIndex
from shared.work import Work


def register_case(work: Work, body: RegisterCase) -> CaseRegisteredView:
    """Register one person. The same `id` with the same person again is answered from what is known.

    Raises PlaceUnknown, ImpossibleDate, KnownAlready, IdTaken, PersonErased.
    """
    place = post(work, body.arrival_point, "#/arrival_point")
    tokens = tokens_of(BlindIndex(work.secrets.blind), body)
    hold_people(work.session, [tokens])
    if body.id is not None and (known := work.session.get(Case, body.id)) is not None:
        return _repeated(work, known, body)
    if body.id is not None and was_erased(work.session, body.id):  # known before a restore, by now from the bus alone
        raise PersonErased
    must_have_arrived(work, body.arrival_date, place)
    if not body.register_anyway and (found := known_cases(work.session, [tokens]).get(0)):
        # That the person is known must be told; where, only to who may see the case.
        raise KnownAlready(known_case=found) if found in in_sight(work, [found]) else KnownAlready
    newcomer = Newcomer(
        case_id=body.id or str(uuid_utils.uuid7()),
        person=body,
        age_band=age_band_of(body.birth_date, body.arrival_date),
        warnings=warnings_of(body, body.sex, body.origin_regency),
        tokens=tokens,
        fingerprint=None if body.id is None else _fingerprint(work, body),
    )
    register(work, place, body.arrival_date, [newcomer])
    audit(work, "case.register", newcomer.case_id)
    return CaseRegisteredView(case_id=newcomer.case_id, age_band=newcomer.age_band, warnings=newcomer.warnings)


def _repeated(work: Work, known: Case, body: RegisterCase) -> CaseRegisteredView:
    """Judged by what was sent then, so that a repeat is known after a correction, too."""
    if known.status == ERASED:
        raise PersonErased
    before = work.session.get_one(Identity, known.case_id).fingerprint
    if before is None or not hmac.compare_digest(before, _fingerprint(work, body)):
        raise IdTaken(pointer="#/id")
    return CaseRegisteredView(case_id=known.case_id, age_band=known.age_band, warnings=known.warnings)


def _fingerprint(work: Work, body: RegisterCase) -> bytes:
    content = body.model_dump_json(exclude={"register_anyway"}).encode()
    return hmac.digest(work.secrets.fingerprint, content, "sha256")
