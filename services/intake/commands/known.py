"""Is this person known already? Asked with keyed tokens: neither name nor number is stored in the clear."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, true
from sqlalchemy.orm import Session
from sqlmodel import col

from services.intake.models import BlindToken, Case
from services.intake.queries import case_scope
from services.intake.rules import is_nik
from shared.database.bulk import heap_of, one_by_one
from shared.database.holding import hold
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.security.blind import BlindIndex, normal_name, normal_number
from shared.work import Work


@dataclass(slots=True)
class Tokens:
    """The tokens of one person. `proofs` are those of which a single match says: the same person.

    A document number alone proves nothing: two people can be registered with one number (it is a warning).
    """

    all: tuple[tuple[str, bytes], ...]
    proofs: tuple[tuple[str, bytes], ...]


def tokens_of(index: BlindIndex, person: Any) -> Tokens:
    """Tokens over NIK (if it is one), name with birth date and document, and document number."""
    every: list[tuple[str, bytes]] = []
    proofs: list[tuple[str, bytes]] = []
    if person.nik and is_nik(person.nik):
        proofs.append(("nik", index.token("nik", person.nik)))
    number = normal_number(person.document.number) if person.document and person.document.number else ""
    name = normal_name(person.name)
    if name and person.birth_date:
        born = f"{name}|{person.birth_date.isoformat()}"
        if number:
            proofs.append(("person", index.token("person", f"{born}|{number}")))
        every.append(("name", index.token("name", born)))
    if number:
        every.append(("document", index.token("document", number)))
    return Tokens(all=(*every, *proofs), proofs=tuple(proofs))


def _known(dialect: str) -> Any:
    tokens, cases = table_of(BlindToken), table_of(Case)
    proving = select(tokens.c.token, tokens.c.case_id).where(tokens.c.kind.in_(("nik", "person")))
    if dialect == "postgresql":
        heap = heap_of({"token": tokens.c.token.type})
        found = one_by_one(proving.where(tokens.c.token == heap.c.token), "found")
        case = one_by_one(select(cases.c.status).where(cases.c.case_id == found.c.case_id), "known")
        asked = select(found.c.token, found.c.case_id).join_from(heap, found, true()).join(case, true())
        return asked.where(case.c.status != "closed").order_by(found.c.case_id)
    return (
        proving.join(cases, cases.c.case_id == tokens.c.case_id)
        .where(tokens.c.token.in_(bindparam("token", expanding=True)), cases.c.status != "closed")
        .order_by(tokens.c.case_id)
    )


_KNOWN = Prepared(_known)


def hold_people(session: Session, people: Iterable[Tokens]) -> None:
    """Nobody else registers one of them until the commit: of two who do so at once, one is told of the other."""
    hold(session, "who", (token for tokens in people for _, token in tokens.proofs))


def known_cases(session: Session, people: Sequence[Tokens]) -> dict[int, str]:
    """For each person (by place in the sequence) the open case that is theirs, where there is one.

    The caller holds the people.

    A closed case is no obstacle: people leave again, and come home again, with a case of its own.
    """
    wanted: dict[bytes, list[int]] = {}
    for number, tokens in enumerate(people):
        for _, token in tokens.proofs:
            wanted.setdefault(token, []).append(number)
    if not wanted:
        return {}
    found: dict[int, str] = {}
    for row in _KNOWN.all(session, token=list(wanted)):
        for number in wanted[row.token]:
            found.setdefault(number, row.case_id)
    return found


def in_sight(work: Work, case_ids: Iterable[str]) -> set[str]:
    """Which of the cases the caller may see."""
    asked = select(col(Case.case_id)).where(col(Case.case_id).in_(sorted(case_ids)), case_scope(work.caller))
    return set(work.session.scalars(asked))
