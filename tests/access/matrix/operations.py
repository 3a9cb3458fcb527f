"""The operators' routes that every service has: they show no data of a person, and know no place."""

from tests.access.matrix.row import Any_, Row, ask, row
from tests.access.prepared import new_id

READ, MANAGE = "auditor administrator", "administrator"
NOTHING_THERE = (404,)
"""Nothing is parked, and nothing was restored: to be let in is to be told so."""


def rows(service: str) -> dict[str, Row]:
    under = f"/{service}/operations"
    return {
        f"GET {under}/status": row(READ, lambda it: ask()),
        f"GET {under}/parked": row(READ, lambda it: ask()),
        f"GET {under}/parked/events": row(READ, lambda it: ask(query={"key": it.case}), good=NOTHING_THERE),
        f"GET {under}/audit": row(READ, lambda it: ask()),
        f"GET {under}/audit/entries": row("auditor", lambda it: ask()),
        f"GET {under}/chains": row(READ, lambda it: ask()),
        f"GET {under}/restored": row(READ, lambda it: ask()),
        f"GET {under}/projections": row(READ, lambda it: ask()),
        f"POST {under}/parked/retry": row(MANAGE, lambda it: ask({"key": new_id()})),
        f"POST {under}/parked/discard": row(
            MANAGE, lambda it: ask({"key": new_id(), "reason": "obsolete"}), good=NOTHING_THERE
        ),
        f"POST {under}/restored/{{subject}}": row(
            MANAGE,
            lambda it: ask(subject=it.case),
            {"path.subject": Any_("operators repair what belongs to every place")},
            good=NOTHING_THERE,
        ),
        f"POST {under}/rebuild": row(MANAGE, lambda it: ask({}), good=(202, 409)),
    }
