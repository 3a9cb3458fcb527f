"""What is written of people who are new: case, sealed identity, tokens, and the fact that they were registered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import Any

from services.intake.commands.known import Tokens
from services.intake.commands.places import KnownPlace
from services.intake.models import BlindToken, Case, Identity
from services.intake.problems import ImpossibleDate
from services.intake.rules import band_at_arrival, document_warnings, nik_warnings
from services.intake.schemas.people import Person
from shared.database.models import table_of
from shared.database.together import insert_together
from shared.events.intake import CaseRegistered
from shared.regions import is_district, is_regency
from shared.security.sealing import DataKey
from shared.times import InTheFuture, not_after
from shared.work import Work

_CASES, _IDENTITIES, _TOKENS = table_of(Case), table_of(Identity), table_of(BlindToken)


_NONE: list[str] = []
_place_in_the_index = itemgetter("kind", "token")
"""Tokens are random: in this order a page of the index is written once for all that go into it."""


@dataclass(slots=True)
class Newcomer:
    """One person to be registered, judged already."""

    case_id: str
    person: Person
    age_band: str | None
    warnings: list[str]
    tokens: Tokens
    row_key: str | None = None
    fingerprint: bytes | None = None


def register(
    work: Work, place: KnownPlace, arrival: date, newcomers: Sequence[Newcomer], manifest: str | None = None
) -> None:
    """The rows and events of new cases, set-based: a manifest costs little more than one person."""
    cases, identities, tokens = [], [], []
    occurred = not_after(arrival, work.now, place.time_zone)
    for new, key in zip(newcomers, work.keys.take(len(newcomers)), strict=True):
        person = new.person
        cases.append(
            {
                "case_id": new.case_id,
                "key_id": key.id,
                "registered_at": work.now,
                "arrival_point": place.code,
                "arrival_agency": place.agency,
                "arrival_date": arrival,
                "sex": person.sex,
                "age_band": new.age_band,
                "origin_regency": person.origin_regency,
                "destination_country": person.destination_country,
                "manifest_id": manifest,
                "row_key": new.row_key,
                "warnings": new.warnings or _NONE,
                "status": "open",
                "consent_recorded": False,
                "referral_status": "none",
                "stay_status": "none",
                "return_status": "none",
            }
        )
        identities.append(sealed_identity(key, new.case_id, person) | {"version": 1, "fingerprint": new.fingerprint})
        tokens += [{"kind": kind, "token": token, "case_id": new.case_id} for kind, token in new.tokens.all]
        fact = CaseRegistered(
            arrival_point=place.code,
            arrival_date=arrival,
            sex=person.sex,
            age_band=new.age_band,
            origin_regency=person.origin_regency,
            destination_country=person.destination_country,
            manifest=manifest,
        )
        work.record(new.case_id, fact, occurred)
    tokens.sort(key=_place_in_the_index)
    heaps = ((_CASES, cases), (_IDENTITIES, identities), (_TOKENS, tokens))
    if manifest is None:
        for table, rows in heaps:
            work.put(table, *rows)
    else:  # whose answer asks for the cases
        insert_together(work.session, heaps)


def must_have_arrived(work: Work, arrival: date, place: KnownPlace) -> datetime:
    """Noon of the arrival at the place. Raises ImpossibleDate for the future."""
    try:
        return not_after(arrival, work.now, place.time_zone)
    except InTheFuture as future:
        raise ImpossibleDate(str(future), pointer="#/arrival_date") from None


def age_band_of(born: date | None, arrival: date) -> str | None:
    """Raises ImpossibleDate for a birth after the arrival."""
    try:
        return band_at_arrival(born, arrival)
    except ValueError:
        raise ImpossibleDate("born after the arrival", pointer="#/birth_date") from None


def warnings_of(person: Any, sex: str, origin_regency: str | None) -> list[str]:
    """What someone should look at in an identity, as codes."""
    warnings = []
    if person.nik:
        warnings += nik_warnings(person.nik, sex, person.birth_date, is_district(person.nik[:6]))
    if person.document is not None:
        warnings += document_warnings(person.document.type, person.document.number)
    if origin_regency is not None and not is_regency(origin_regency):
        warnings.append("origin_regency_unknown")
    if person.birth_date is None:
        warnings.append("birth_date_missing")
    return warnings


def sealed_identity(key: DataKey, case_id: str, person: Any) -> dict[str, Any]:
    """The identity of a case: each column sealed on its own, bound to case, table and column."""

    def seal(column: str, value: str | None) -> bytes | None:
        return None if value is None else key.seal(value, case=case_id, table="identities", column=column)

    document = None if person.document is None else person.document.model_dump_json()
    return {
        "case_id": case_id,
        "name": seal("name", person.name),
        "birth_date": seal("birth_date", person.birth_date.isoformat() if person.birth_date else None),
        "nik": seal("nik", person.nik or None),
        "document": seal("document", document),
        "phone": seal("phone", person.phone),
    }
