"""Registering people, one or a manifest of them, with one and the same code."""

import hmac
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import uuid_utils
from pydantic import ValidationError
from sqlalchemy import delete, insert, select
from sqlmodel import col

from services.intake.commands.known import Tokens, known_cases, tokens_of
from services.intake.commands.places import post
from services.intake.models import BlindToken, Case, Identity, Manifest, ManifestRow, Place
from services.intake.problems import IdTaken, ImpossibleDate, KnownAlready
from services.intake.rules import band_at_arrival, document_warnings, nik_warnings
from services.intake.schemas import (
    CaseRegisteredView,
    FaultView,
    ManifestPerson,
    ManifestResult,
    Person,
    ReceiveManifest,
    RegisterCase,
    RowResult,
)
from shared.database.models import table_of
from shared.events.intake import CaseRegistered, ManifestReceived, ManifestReconciled
from shared.http.problems import faults_of
from shared.regions import is_district, is_regency
from shared.security.audit import audit
from shared.security.sealing import DataKey
from shared.times import InTheFuture, not_after
from shared.work import Work


def register_case(work: Work, body: RegisterCase) -> CaseRegisteredView:
    """Register one person. The same `id` again is answered from what is known, if it comes from the same post.

    Raises PlaceUnknown, OutsideScope, ImpossibleDate, KnownAlready, IdTaken.
    """
    place = post(work, body.arrival_point, "#/arrival_point")
    if body.id is not None and (known := work.session.get(Case, body.id)) is not None:
        return _repeated(work, known, body)
    _must_be_past(work, body.arrival_date, place)
    tokens = tokens_of(work.secrets.blind, body)
    if not body.register_anyway and (found := known_cases(work.session, [tokens]).get(0)):
        raise KnownAlready(known_case=found)
    band = _band(body, body.arrival_date)
    case_id = body.id or str(uuid_utils.uuid7())
    warnings = _warnings(body)
    _write(work, place, body.arrival_date, [(case_id, None, body, band, warnings, tokens)], None)
    audit(work, "case.register", case_id)
    return CaseRegisteredView(case_id=case_id, age_band=band, warnings=warnings)


def receive_manifest(work: Work, body: ReceiveManifest) -> ManifestResult:
    """Register everyone on the manifest who can be read; keep the others, sealed, with what is wrong.

    Raises PlaceUnknown, OutsideScope, ImpossibleDate, IdTaken (a manifest of that id came elsewhere or another day).
    """
    place = post(work, body.arrival_point, "#/arrival_point")
    occurred = _must_be_past(work, body.arrival_date, place)
    if _open_manifest(work, body, place):
        fact = ManifestReceived(arrival_point=body.arrival_point, arrival_date=body.arrival_date, rows=len(body.rows))
        work.record(body.id, fact, occurred)
    results = _Judging(work, place, body).results()
    counts = {status: sum(1 for row in results if row.status == status) for status in _STATUSES}
    if any(row.status == "registered" for row in results):
        audit(work, "manifest.receive", body.id)
    return ManifestResult(
        id=body.id,
        rows=results,
        registered=counts["registered"],
        duplicates=counts["duplicate"],
        unreadable=counts["unreadable"],
    )


def reconcile_manifest(work: Work, manifest: Manifest) -> ManifestResult:
    """Every row has its answer: the manifest is closed and told with its counts. Repeating it tells nothing again."""
    cases = work.session.scalars(select(Case).where(col(Case.manifest_id) == manifest.manifest_id)).all()
    kept = work.session.scalars(select(ManifestRow).where(col(ManifestRow.manifest_id) == manifest.manifest_id)).all()
    rows = [RowResult(row_key=c.row_key, status="registered", case_id=c.case_id, warnings=c.warnings) for c in cases]
    rows += [_kept_result(row) for row in kept]
    counts = {status: sum(1 for row in rows if row.status == status) for status in _STATUSES}
    if manifest.status != "reconciled":
        manifest.status = "reconciled"
        work.record(
            manifest.manifest_id,
            ManifestReconciled(
                arrival_point=manifest.arrival_point,
                registered=counts["registered"],
                duplicates=counts["duplicate"],
                unreadable=counts["unreadable"],
            ),
        )
    return ManifestResult(
        id=manifest.manifest_id,
        rows=rows,
        registered=counts["registered"],
        duplicates=counts["duplicate"],
        unreadable=counts["unreadable"],
    )


_STATUSES = ("registered", "duplicate", "unreadable")
_New = tuple[str, str | None, Person, str | None, list[str], Tokens]
"""case id, row key, person, age band, warnings, tokens"""


class _Judging:
    """One manifest's rows, judged together: what is known is asked once, what is new is written once."""

    def __init__(self, work: Work, place: Place, body: ReceiveManifest) -> None:
        self._work = work
        self._place = place
        self._body = body
        self._registered = {
            row.row_key: row
            for row in work.session.execute(
                select(col(Case.row_key), col(Case.case_id), col(Case.warnings)).where(col(Case.manifest_id) == body.id)
            )
        }

    def results(self) -> list[RowResult]:
        read = [self._read(row) for row in self._body.rows]
        people = [(at, person) for at, person in enumerate(read) if isinstance(person, ManifestPerson)]
        tokens = [tokens_of(self._work.secrets.blind, person) for _, person in people]
        known = known_cases(self._work.session, tokens) if people else {}
        results: list[RowResult | None] = [one if isinstance(one, RowResult) else None for one in read]
        new: list[_New] = []
        here: dict[tuple[str, bytes], str] = {}
        used: dict[str, str] = {}
        for number, (at, person) in enumerate(people):
            case_id = str(uuid_utils.uuid7())
            if person.row_key in used:
                results[at] = _unreadable(person.row_key, "row_key stands twice in this request", "row_key")
                continue
            used[person.row_key] = case_id
            same = known.get(number) or next((here[t] for t in tokens[number].proofs if t in here), None)
            if same is not None and not person.register_anyway:
                results[at] = RowResult(row_key=person.row_key, status="duplicate", case_id=same)
                continue
            try:
                band = _band(person, self._body.arrival_date)
            except ImpossibleDate:
                results[at] = _unreadable(person.row_key, "born after the arrival", "birth_date")
                continue
            warnings = _warnings(person)
            here |= dict.fromkeys(tokens[number].proofs, case_id)
            new.append((case_id, person.row_key, person, band, warnings, tokens[number]))
            results[at] = RowResult(row_key=person.row_key, status="registered", case_id=case_id, warnings=warnings)
        done = [result for result in results if result is not None]
        self._keep([(row, result) for row, result in zip(self._body.rows, done, strict=True)])
        if new:
            _write(self._work, self._place, self._body.arrival_date, new, self._body.id)
        return done

    def _read(self, row: dict[str, Any]) -> ManifestPerson | RowResult:
        key = row.get("row_key")
        if isinstance(key, str) and (known := self._registered.get(key)) is not None:
            return RowResult(row_key=key, status="registered", case_id=known.case_id, warnings=known.warnings)
        try:
            return ManifestPerson.model_validate(row)
        except ValidationError as unreadable:
            faults = faults_of(unreadable.errors(include_input=False, include_url=False, include_context=False))
            readable = isinstance(key, str) and not any(fault.pointer == "#/row_key" for fault in faults)
            return RowResult(
                row_key=key if readable else None,
                status="unreadable",
                errors=[FaultView(detail=fault.detail, pointer=fault.pointer) for fault in faults],
            )

    def _keep(self, judged: Sequence[tuple[dict[str, Any], RowResult]]) -> None:
        """Rows that were not registered are kept, sealed; what an earlier sending kept of a row is replaced."""
        rows, numbers = table_of(ManifestRow), []
        for number, (content, result) in enumerate(judged):
            key = result.row_key or f"?{self._anonymous(content)}"
            numbers.append((number, key, content, result))
        if not numbers:
            return
        self._work.session.execute(
            delete(rows).where(
                rows.c.manifest_id == self._body.id, rows.c.row_key.in_([key for _, key, _, _ in numbers])
            )
        )
        kept = {key: (content, result) for _, key, content, result in numbers if result.status != "registered"}
        keys = self._work.keys.take(len(kept)) if kept else []
        staged = [
            _staged(self._body.id, key, content, result, data_key)
            for (key, (content, result)), data_key in zip(kept.items(), keys, strict=True)
        ]
        if staged:
            self._work.session.execute(insert(rows), staged)

    def _anonymous(self, content: dict[str, Any]) -> str:
        """A name for a row without a usable key: keyed, the same for the same content."""
        return hmac.digest(self._work.secrets.fingerprint, _plain(content).encode(), "sha256").hex()[:40]


def _plain(content: dict[str, Any]) -> str:
    return json.dumps(content, sort_keys=True)  # as ASCII: a lone surrogate can be kept, too


def _staged(manifest_id: str, row_key: str, content: dict[str, Any], result: RowResult, key: DataKey) -> dict[str, Any]:
    sealed = key.seal(_plain(content), case=manifest_id, table="manifest_rows", column="staged")
    return {
        "manifest_id": manifest_id,
        "row_key": row_key,
        "status": result.status,
        "faults": [error.model_dump(exclude_none=True) for error in result.errors],
        "known_case": result.case_id,
        "key_id": key.id,
        "staged": sealed,
    }


def _kept_result(row: ManifestRow) -> RowResult:
    return RowResult(
        row_key=None if row.row_key.startswith("?") else row.row_key,
        status="duplicate" if row.status == "duplicate" else "unreadable",
        case_id=row.known_case,
        errors=[FaultView.model_validate(fault) for fault in row.faults],
    )


def _unreadable(row_key: str, detail: str, field: str) -> RowResult:
    return RowResult(row_key=row_key, status="unreadable", errors=[FaultView(detail=detail, pointer=f"#/{field}")])


def _open_manifest(work: Work, body: ReceiveManifest, place: Place) -> bool:
    """True for a manifest that is new. Raises IdTaken where that id came from another post or day."""
    known = work.session.get(Manifest, body.id)
    if known is None:
        work.session.add(
            Manifest(
                manifest_id=body.id,
                arrival_point=body.arrival_point,
                arrival_agency=place.agency,
                arrival_date=body.arrival_date,
            )
        )
        return True
    if (known.arrival_point, known.arrival_date) != (body.arrival_point, body.arrival_date):
        raise IdTaken(pointer="#/id")
    return False


def _must_be_past(work: Work, arrival: date, place: Place) -> datetime:
    try:
        return not_after(arrival, work.now, place.time_zone)
    except InTheFuture as future:
        raise ImpossibleDate(str(future), pointer="#/arrival_date") from None


def _band(person: Person, arrival: date) -> str | None:
    try:
        return band_at_arrival(person.birth_date, arrival)
    except ValueError:
        raise ImpossibleDate("born after the arrival", pointer="#/birth_date") from None


def _warnings(person: Person) -> list[str]:
    warnings = []
    if person.nik:
        warnings += nik_warnings(person.nik, person.sex, person.birth_date, is_district(person.nik[:6]))
    if person.document is not None:
        warnings += document_warnings(person.document.type, person.document.number)
    if person.origin_regency is not None and not is_regency(person.origin_regency):
        warnings.append("origin_regency_unknown")
    if person.birth_date is None:
        warnings.append("birth_date_missing")
    return warnings


def _repeated(work: Work, known: Case, body: RegisterCase) -> CaseRegisteredView:
    same = (known.arrival_point, known.arrival_date, known.sex) == (body.arrival_point, body.arrival_date, body.sex)
    name = work.session.get(Identity, known.case_id)
    if not same or name is None or _opened(work, known, name) != body.name:
        raise IdTaken(pointer="#/id")
    return CaseRegisteredView(case_id=known.case_id, age_band=known.age_band, warnings=known.warnings)


def _opened(work: Work, case: Case, identity: Identity) -> str:
    return work.keys.get(case.key_id).open(identity.name, case=case.case_id, table="identities", column="name")


def _write(work: Work, place: Place, arrival: date, new: Sequence[_New], manifest: str | None) -> None:
    """The rows and events of new cases, set-based: a manifest costs little more than one person."""
    cases, identities, tokens = [], [], []
    occurred = not_after(arrival, work.now, place.time_zone)
    for (case_id, row_key, person, band, warnings, found), key in zip(new, work.keys.take(len(new)), strict=True):
        cases.append(
            {
                "case_id": case_id,
                "key_id": key.id,
                "registered_at": work.now,
                "arrival_point": place.code,
                "arrival_agency": place.agency,
                "arrival_date": arrival,
                "sex": person.sex,
                "age_band": band,
                "origin_regency": person.origin_regency,
                "destination_country": person.destination_country,
                "manifest_id": manifest,
                "row_key": row_key,
                "warnings": warnings,
                "status": "open",
                "consent_recorded": False,
                "referral_status": "none",
                "stay_status": "none",
                "return_status": "none",
            }
        )
        identities.append(sealed_identity(key, case_id, person))
        tokens += [{"kind": kind, "token": token, "case_id": case_id} for kind, token in found.all]
        fact = CaseRegistered(
            arrival_point=place.code,
            arrival_date=arrival,
            sex=person.sex,
            age_band=band,
            origin_regency=person.origin_regency,
            destination_country=person.destination_country,
            manifest=manifest,
        )
        work.record(case_id, fact, occurred)
    work.session.execute(insert(table_of(Case)), cases)
    work.session.execute(insert(table_of(Identity)), identities)
    if tokens:
        work.session.execute(insert(table_of(BlindToken)), tokens)


def sealed_identity(key: DataKey, case_id: str, person: Any) -> dict[str, Any]:
    """The identity row of a case: each column sealed on its own, bound to case, table and column."""

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
        "version": 1,
    }
