"""Arrival manifests: many people in one request, judged row by row."""

import hmac
import json
from collections.abc import Sequence
from typing import Any

import uuid_utils
from pydantic import ValidationError
from sqlalchemy import bindparam, delete, insert, select, update
from sqlmodel import col

from services.intake.commands.forgetting import HIDDEN_KEY, hidden_key
from services.intake.commands.known import hold_people, in_sight, known_cases, tokens_of
from services.intake.commands.newcomers import Newcomer, age_band_of, must_have_arrived, register, warnings_of
from services.intake.commands.places import KnownPlace, post
from services.intake.models import Case, Manifest, ManifestRow
from services.intake.problems import IdTaken, ImpossibleDate, ManifestUnknown
from services.intake.queries import manifest_scope
from services.intake.schemas.manifests import FaultView, ManifestPerson, ManifestResult, ReceiveManifest, RowResult
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.erasing.table import doom
from shared.events.intake import ManifestReceived, ManifestReconciled
from shared.http.faults import faults_of
from shared.security.audit import audit
from shared.security.blind import BlindIndex
from shared.security.sealing import DataKey
from shared.work import Work


def receive_manifest(work: Work, body: ReceiveManifest) -> ManifestResult:
    """Register everyone on the manifest who can be read; keep the others, sealed, with what is wrong.

    Raises PlaceUnknown, ImpossibleDate, IdTaken (a manifest of that id came elsewhere or another day).
    """
    place = post(work, body.arrival_point, "#/arrival_point")
    occurred = must_have_arrived(work, body.arrival_date, place)
    known = _KNOWN.first(work.session, of_manifest=body.id)
    if known is None:
        _OPEN.write(work.session, [_opened(body, place)])
        fact = ManifestReceived(arrival_point=body.arrival_point, arrival_date=body.arrival_date, rows=len(body.rows))
        work.record(body.id, fact, occurred)
    elif (known.arrival_point, known.arrival_date) != (body.arrival_point, body.arrival_date):
        raise IdTaken(pointer="#/id")
    judging = _Judging(work, place, body, first=known is None)
    rows = judging.results()
    if judging.new:
        if known is not None:
            _OPEN_AGAIN.write(work.session, [{"of_manifest": body.id}])
        audit(work, "manifest.receive", body.id)
    return _result(work, body.id, rows)


_MANIFESTS = table_of(Manifest)
_KNOWN = Prepared(select(_MANIFESTS).where(_MANIFESTS.c.manifest_id == bindparam("of_manifest")).with_for_update())
_OPEN = Prepared(insert(_MANIFESTS))
_OPEN_AGAIN = Prepared(  # one that was reconciled has to be so again
    update(_MANIFESTS).where(_MANIFESTS.c.manifest_id == bindparam("of_manifest")).values(status="received")
)


def reconcile_manifest(work: Work, manifest_id: str) -> ManifestResult:
    """Every row has its answer: the manifest is closed and told with its counts. Repeating it tells nothing again.

    Raises ManifestUnknown.
    """
    manifest = work.session.scalars(
        select(Manifest).where(col(Manifest.manifest_id) == manifest_id, manifest_scope(work.caller)).with_for_update()
    ).one_or_none()
    if manifest is None:
        raise ManifestUnknown
    cases = work.session.execute(
        select(col(Case.row_key), col(Case.case_id), col(Case.warnings))
        .where(col(Case.manifest_id) == manifest_id)
        .order_by(col(Case.case_id))
    )
    rows = [
        RowResult(row_key=_shown(c.row_key), status="registered", case_id=c.case_id, warnings=c.warnings) for c in cases
    ]
    kept = select(ManifestRow).where(col(ManifestRow.manifest_id) == manifest_id).order_by(col(ManifestRow.row_key))
    result = _result(work, manifest_id, rows + [_kept_result(row) for row in work.session.scalars(kept)])
    if manifest.status != "reconciled":
        manifest.status = "reconciled"
        fact = ManifestReconciled(
            arrival_point=manifest.arrival_point,
            registered=result.registered,
            duplicates=result.duplicates,
            unreadable=result.unreadable,
        )
        work.record(manifest_id, fact)
    return result


class _Judging:
    """One manifest's rows, judged together: what is known is asked once, what is new is written once."""

    def __init__(self, work: Work, place: KnownPlace, body: ReceiveManifest, first: bool) -> None:
        """`first`: the manifest was never sent before, so that nothing of it can be known."""
        self._work = work
        self._place = place
        self._body = body
        self._first = first
        self._used: set[str] = set()
        self.new: list[Newcomer] = []
        self._registered = {} if first else self._known_rows()
        self._erased = any(key.startswith(HIDDEN_KEY) for key in self._registered)

    def results(self) -> list[RowResult]:
        read = [self._read(row) for row in self._body.rows]
        people = [(at, person) for at, person in enumerate(read) if isinstance(person, ManifestPerson)]
        index = BlindIndex(self._work.secrets.blind)
        tokens = [tokens_of(index, person) for _, person in people]
        hold_people(self._work.session, tokens)
        known = known_cases(self._work.session, tokens) if people else {}
        results: list[RowResult | None] = [one if isinstance(one, RowResult) else None for one in read]
        here: dict[tuple[str, bytes], str] = {}
        for number, (at, person) in enumerate(people):
            same = known.get(number) or next((here[t] for t in tokens[number].proofs if t in here), None)
            if same is not None and not person.register_anyway:
                results[at] = RowResult(row_key=person.row_key, status="duplicate", case_id=same)
                continue
            try:
                band = age_band_of(person.birth_date, self._body.arrival_date)
            except ImpossibleDate:
                results[at] = _unreadable(person.row_key, "born after the arrival", "birth_date")
                continue
            case_id = str(uuid_utils.uuid7())
            warnings = warnings_of(person, person.sex, person.origin_regency)
            here |= dict.fromkeys(tokens[number].proofs, case_id)
            self.new.append(Newcomer(case_id, person, band, warnings, tokens[number], person.row_key))
            results[at] = RowResult.model_construct(  # of what was judged above: to judge it again costs a row's insert
                row_key=person.row_key, status="registered", case_id=case_id, warnings=warnings, errors=[]
            )
        done = [result for result in results if result is not None]
        self._keep([(row, result) for row, result in zip(self._body.rows, done, strict=True)])
        if self.new:
            register(self._work, self._place, self._body.arrival_date, self.new, self._body.id)
        return done

    def _known_rows(self) -> dict[str, Any]:
        rows = select(col(Case.row_key), col(Case.case_id), col(Case.warnings))
        found = self._work.session.execute(rows.where(col(Case.manifest_id) == self._body.id))
        return {row.row_key: row for row in found}

    def _known(self, key: str) -> Any | None:
        known = self._registered.get(key)
        if known is None and self._erased:
            known = self._registered.get(hidden_key(self._work.secrets, self._body.id, key))
        return known

    def _read(self, row: dict[str, Any]) -> ManifestPerson | RowResult:
        key = row.get("row_key")
        if isinstance(key, str) and key in self._used:
            # Judged before anything else: the second of two people under one key must never pass for the first.
            return _unreadable(None, "row_key stands twice in this request", "row_key")
        if isinstance(key, str):
            self._used.add(key)
            if (known := self._known(key)) is not None:
                return RowResult(row_key=key, status="registered", case_id=known.case_id, warnings=known.warnings)
        try:
            return ManifestPerson.model_validate(row, context={"row": row, "arrived": self._body.arrival_date})
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
        rows = table_of(ManifestRow)
        if self._first:
            judged = [(content, result) for content, result in judged if result.status != "registered"]
        named = {result.row_key or f"?{self._anonymous(content)}": (content, result) for content, result in judged}
        if not self._first:
            replaced = self._work.session.scalars(
                delete(rows)
                .where(rows.c.manifest_id == self._body.id, rows.c.row_key.in_(list(named)))
                .returning(rows.c.key_id)
            )
            # Who is registered now may be erased one day: nothing is to open what was kept of them before.
            doom(self._work.session, replaced.all(), int(self._work.now.timestamp() * 1000))
        kept = {key: row for key, row in named.items() if row[1].status != "registered"}
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


def _opened(body: ReceiveManifest, place: KnownPlace) -> dict[str, Any]:
    return {
        "manifest_id": body.id,
        "arrival_point": body.arrival_point,
        "arrival_agency": place.agency,
        "arrival_date": body.arrival_date,
        "status": "received",
    }


def _result(work: Work, manifest_id: str, rows: Sequence[RowResult]) -> ManifestResult:
    """The answer. Of a duplicate it names the known case to who may see that case."""
    elsewhere = {row.case_id for row in rows if row.status == "duplicate" and row.case_id is not None}
    hidden = elsewhere - in_sight(work, elsewhere) if elsewhere else set()
    shown = [row.model_copy(update={"case_id": None}) if row.case_id in hidden else row for row in rows]
    counted = [row.status for row in rows]
    return ManifestResult(
        id=manifest_id,
        rows=shown,
        registered=counted.count("registered"),
        duplicates=counted.count("duplicate"),
        unreadable=counted.count("unreadable"),
    )


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


def _shown(row_key: str) -> str | None:
    """Of who was erased it is not known any more."""
    return None if row_key.startswith(HIDDEN_KEY) else row_key


def _kept_result(row: ManifestRow) -> RowResult:
    return RowResult(
        row_key=None if row.row_key.startswith("?") else row.row_key,
        status="duplicate" if row.status == "duplicate" else "unreadable",
        case_id=row.known_case,
        errors=[FaultView.model_validate(fault) for fault in row.faults],
    )


def _unreadable(row_key: str | None, detail: str, field: str) -> RowResult:
    return RowResult(row_key=row_key, status="unreadable", errors=[FaultView(detail=detail, pointer=f"#/{field}")])
