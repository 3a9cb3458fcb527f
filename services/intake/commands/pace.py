"""How many identities one person may ask for: a caseload is not copied by hand, one name after the other.

The audit log is the count: every read and every refusal stands in it, whichever replica answered, and a restart forgets
nothing.
"""

import math
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from shared.database.prepared import Prepared
from shared.security.audit import AUDIT
from shared.settings import Rate
from shared.work import Work

LIMITED = "limited"
"""The outcome of what came too soon. It is no asking of its own: whoever waits comes in again."""
COUNTED = ("identity.read", "identity.correct")


@dataclass(frozen=True, slots=True)
class TooMany:
    """The caller has asked for as many identities as they may."""

    wait_seconds: int


def too_many(work: Work, rate: Rate) -> TooMany | None:
    """None where the caller may ask for one more identity now; what is refused counts as what is shown."""
    caller, now_ms = work.caller, int(work.now.timestamp() * 1000)
    if work.session.get_bind().dialect.name == "postgresql":
        # One after the other, or as many at once as there are connections would see the same count.
        _TURN.all(work.session, of_actor=f"{caller.agency} {caller.subject}")
    asked = _ASKED.all(
        work.session,
        of_actor=caller.subject,
        of_agency=caller.agency,
        since_ms=now_ms - rate.seconds * 1000,
        most=rate.most,
    )
    if len(asked) < rate.most:
        return None
    oldest_ms = min(row.at_ms for row in asked)
    return TooMany(max(1, math.ceil((oldest_ms + rate.seconds * 1000 - now_ms) / 1000)))


_TURN = Prepared(
    select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("of_actor", type_=AUDIT.c.actor.type), 0)))
)
_ASKED = Prepared(
    select(AUDIT.c.at_ms)
    .where(
        AUDIT.c.actor == bindparam("of_actor"),
        AUDIT.c.agency == bindparam("of_agency"),
        AUDIT.c.action.in_(COUNTED),
        AUDIT.c.outcome != LIMITED,
        AUDIT.c.at_ms > bindparam("since_ms"),
    )
    .order_by(AUDIT.c.at_ms.desc())
    .limit(bindparam("most"))
)
