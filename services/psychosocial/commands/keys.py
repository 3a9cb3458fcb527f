"""The key of each case: taken from the store at the first sealing."""

from collections.abc import Iterable

from sqlalchemy import bindparam, select

from services.psychosocial.models import CaseKey
from shared.database.models import table_of
from shared.database.prepared import Prepared, upserting
from shared.security.sealing import DataKey
from shared.work import Work

CASE_KEY = table_of(CaseKey)


def keys_of(work: Work, case_ids: Iterable[str]) -> dict[str, DataKey]:
    """A key for each of the cases: its own where it has one, else a new one, which is written down with this work."""
    cases = sorted(set(case_ids))
    if not cases:
        return {}
    missing = sorted(set(cases) - set(_key_ids(work, cases)))
    if missing:
        new = work.keys.take(len(missing))
        # Another transaction may give the case its key at the same time: whichever commits first holds.
        upserting(CASE_KEY, ("case_id",)).write(
            work.session,
            [{"case_id": case_id, "key_id": key.id} for case_id, key in zip(missing, new, strict=True)],
        )
    return {case_id: work.keys.get(key_id) for case_id, key_id in _key_ids(work, cases).items()}


def _key_ids(work: Work, cases: list[str]) -> dict[str, str]:
    return {row.case_id: row.key_id for row in _KEY_IDS.all(work.session, of_cases=cases)}


_KEY_IDS = Prepared(select(CASE_KEY).where(CASE_KEY.c.case_id.in_(bindparam("of_cases", expanding=True))))
