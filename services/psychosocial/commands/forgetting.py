"""What psychosocial forgets of a person who is erased: every word that was written, and its key.

That a session took place, when, of which kind and where, stays for the figures.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, delete, orm, select, update

from services.psychosocial.models import CaseKey, Entry, Session
from shared.database.holding import hold
from shared.database.models import table_of
from shared.database.prepared import Prepared, note
from shared.erasing.forgetting import Forgetting
from shared.erasing.table import doom
from shared.security.secrets import Secrets

_KEYS, _ENTRIES, _SESSIONS = table_of(CaseKey), table_of(Entry), table_of(Session)


def forget(session: orm.Session, secrets: Secrets, cases: Sequence[str], now_ms: int) -> None:
    """See Forgetting."""
    hold_cases(session, cases)
    keys = session.scalars(select(_KEYS.c.key_id).where(_KEYS.c.case_id.in_(cases))).all()
    doom(session, keys, now_ms)
    session.execute(delete(_KEYS).where(_KEYS.c.case_id.in_(cases)))
    session.execute(update(_SESSIONS).where(_SESSIONS.c.case_id.in_(cases)).values(note=None))
    new = {"closed": False, "facility": None, "in_house": False}
    gone = {"screened": False, "care_layer": None, "erased": True}
    note(session, _ENTRIES, "case_id", new, [(case, gone) for case in cases])


def hold_cases(session: orm.Session, cases: Collection[str]) -> None:
    """Nobody writes about these people, or erases them, until the commit: a key may be taken for them meanwhile."""
    hold(session, "case", (case.encode() for case in cases))


def erased_among(session: orm.Session, cases: Collection[str]) -> set[str]:
    """Those of whom nothing may be written any more. The caller holds them."""
    return {row.case_id for row in _ERASED.all(session, of_cases=sorted(cases))}


_ERASED = Prepared(
    select(_ENTRIES.c.case_id).where(
        _ENTRIES.c.case_id.in_(bindparam("of_cases", expanding=True)), _ENTRIES.c.erased.is_(True)
    )
)

FORGETTING = Forgetting(forget, (_KEYS, _SESSIONS))
