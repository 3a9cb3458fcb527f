"""What aid forgets of a person who is erased: the case, so that nothing can be issued to it.

It seals nothing. Who was given what is a line of the ledger, under an id that leads to nobody any more.
"""

from collections.abc import Sequence

from sqlalchemy import delete
from sqlalchemy.orm import Session

from services.aid.models import Case
from shared.database.models import table_of
from shared.erasing.forgetting import Forgetting
from shared.security.secrets import Secrets

_CASES = table_of(Case)


def forget(session: Session, secrets: Secrets, cases: Sequence[str], now_ms: int) -> None:
    """See Forgetting."""
    session.execute(delete(_CASES).where(_CASES.c.case_id.in_(cases)))


FORGETTING = Forgetting(forget, (_CASES,))
