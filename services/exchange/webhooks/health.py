"""How an endpoint as a whole is doing: it is disabled when nothing was delivered to it for three days."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from services.exchange.webhooks.again import try_at_once
from services.exchange.webhooks.lane import CALM_AFTER
from services.exchange.webhooks.messages import ENDPOINTS, Verdict
from services.exchange.webhooks.retry import gives_up, goes_on_failing

FAILING, GONE = "failing", "gone"


def note_health(session: Session, rows: Sequence[Any], verdicts: Sequence[Verdict], now: datetime) -> None:
    """What these attempts say of their endpoints. `rows`: of the endpoints, locked."""
    for row in rows:
        tried = [one for one in verdicts if one.endpoint == row.endpoint_id and one.tried_at is not None]
        if not tried:
            continue
        if any(not one.open for one in tried):
            _note(session, row, failures=0, failing_since=None, delivered_at=now)
            if row.failures >= CALM_AFTER:
                try_at_once(session, row.endpoint_id, now)  # it is back: nobody waits for the next hour
            continue
        failed = sorted(one.tried_at for one in tried if one.tried_at is not None)
        goes_on = row.failing_since is not None and goes_on_failing(row.failed_at, failed[0])
        since = row.failing_since if goes_on else failed[0]
        because = row.disabled_because
        if row.state == "enabled" and any(one.outcome == "gone" for one in tried):
            because = GONE
        elif row.state == "enabled" and gives_up(since, now):
            because = FAILING
        state = "disabled" if row.state == "enabled" and because is not None else row.state
        version = row.version + (state != row.state)
        _note(
            session,
            row,
            failures=row.failures + len(tried),
            failing_since=since,
            failed_at=failed[-1],
            state=state,
            disabled_because=because,
            version=version,
        )


def _note(session: Session, row: Any, **changes: Any) -> None:
    session.execute(update(ENDPOINTS).where(ENDPOINTS.c.endpoint_id == row.endpoint_id).values(**changes))
