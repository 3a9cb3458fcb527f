"""What intake forgets of a person who is erased, and what it keeps for its figures (decision 17)."""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, bindparam, delete, literal, select, update
from sqlalchemy.orm import Session

from services.intake.commands.cases import ERASED
from services.intake.models import (
    Approval,
    BlindToken,
    Case,
    Consent,
    ConsentRecord,
    Erasure,
    Identity,
    LegalHold,
    ManifestRow,
    Referral,
    Screening,
    Seat,
)
from shared.database.models import table_of
from shared.database.prepared import Prepared, upserting
from shared.erasing.forgetting import Forgetting
from shared.erasing.table import doom
from shared.security.secrets import Secrets

_CASES, _ROWS, _ERASURES = table_of(Case), table_of(ManifestRow), table_of(Erasure)
_APPROVALS = table_of(Approval)
_SEALED = (table_of(Identity), table_of(BlindToken), table_of(Screening), table_of(ConsentRecord))
"""Deleted with all their rows of the case: sealed columns, keyed tokens, and findings that the case itself sums up."""
HIDDEN_KEY = "~"
"""Begins the name of a manifest's row that led to an erased person; no client can give such a one."""


def forget(session: Session, secrets: Secrets, cases: Sequence[str], now_ms: int) -> None:
    """The keys of the cases, of their staged rows, and every row and column that only they could open, or that could
    lead to the person. Pending referrals and seats are given up. See Forgetting."""
    known = session.execute(select(_CASES).where(_CASES.c.case_id.in_(cases)).with_for_update()).all()
    staged = session.execute(select(_ROWS).where(_ROWS.c.known_case.in_(cases))).all()
    doom(session, [row.key_id for row in (*known, *staged)], now_ms)
    session.execute(delete(_ROWS).where(_ROWS.c.known_case.in_(cases)))
    for table in _SEALED:
        session.execute(delete(table).where(table.c.case_id.in_(cases)))
    session.execute(
        update(_APPROVALS)
        .where(_APPROVALS.c.case_id.in_(cases), _APPROVALS.c.status == "requested")
        .values(status="ended", because="person_erased", decided_at=datetime.fromtimestamp(now_ms / 1000, UTC))
    )
    for table, values in _BLANKED:
        session.execute(update(table).where(table.c.case_id.in_(cases)).values(**values))
    _give_up(session, cases)
    for case in known:
        if case.row_key is not None and case.manifest_id is not None and not case.row_key.startswith(HIDDEN_KEY):
            hidden = hidden_key(secrets, case.manifest_id, case.row_key)
            session.execute(update(_CASES).where(_CASES.c.case_id == case.case_id).values(row_key=hidden))
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    _ERASED.write(session, [{"case_id": case, "status": ERASED, "decided_at": at} for case in cases])


def hidden_key(secrets: Secrets, manifest: str, row_key: str) -> str:
    """What a row is called once its person is erased: the same row, sent again, is known, and registers nobody."""
    content = f"{manifest}|{row_key}".encode()
    return HIDDEN_KEY + hmac.digest(secrets.fingerprint, content, "sha256").hex()[:40]


def was_erased(session: Session, case_id: str) -> bool:
    """Also where this database, restored, never knew the case."""
    found = _KNOWN.first(session, of_case=case_id)
    return found is not None and found.status == ERASED


def _give_up(session: Session, cases: Sequence[str]) -> None:
    referrals, seats = table_of(Referral), table_of(Seat)
    session.execute(
        update(referrals)
        .where(referrals.c.case_id.in_(cases), referrals.c.status == "pending")
        .values(status="revoked")
    )
    session.execute(
        update(_CASES)
        .where(_CASES.c.case_id.in_(cases), _CASES.c.referral_status == "pending")
        .values(referral_status="revoked", facility=None, facility_agency=None)
    )
    session.execute(
        update(seats)
        .where(seats.c.case_id.in_(cases), seats.c.status.in_(("planned", "departed")))
        .values(status="cancelled")
    )
    session.execute(
        update(_CASES)
        .where(_CASES.c.case_id.in_(cases), _CASES.c.return_status.in_(("planned", "departed")))
        .values(return_status="none")
    )


_BLANKED: tuple[tuple[Any, dict[str, Any]], ...] = (
    (
        _CASES,
        {
            "status": ERASED,
            "origin_regency": None,
            "destination_country": None,
            "warnings": literal([], JSON),
        },
    ),
    # Which agencies had been given consent is kept: that they were told to delete has to be shown.
    (table_of(Consent), {"status": ERASED, "level": "none", "expires_on": None}),
    (table_of(LegalHold), {"note": None, "lifting_note": None}),
    # Who asked and who decided is kept: that there were two has to be shown.
    (_APPROVALS, {"asked": None}),
)
_ERASED = upserting(_ERASURES, ("case_id",), ("status", "decided_at"))
_KNOWN = Prepared(select(_ERASURES.c.status).where(_ERASURES.c.case_id == bindparam("of_case")))

FORGETTING = Forgetting(forget, (_ROWS, *_SEALED, _CASES, _APPROVALS, table_of(LegalHold)))
