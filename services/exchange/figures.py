"""What exchange tells of its agencies in figures: how many streams, how many requests to delete without an answer."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.exchange.models import DeletionRequest
from services.exchange.policy import members
from services.exchange.stream import Streams
from shared.database.models import table_of
from shared.metrics.figures import Figure
from shared.times import utc_now
from shared.work import Desk

_REQUESTS = table_of(DeletionRequest)


class Figures:
    """A companion that does nothing but tell."""

    def __init__(self, desk: Desk, streams: Streams) -> None:
        self._desk = desk
        self._streams = streams

    async def start(self) -> None:
        """Nothing to start: it tells when it is asked."""

    async def stop(self) -> None:
        """Nothing to stop."""

    def failed(self) -> BaseException | None:
        return None

    async def figures(self) -> Sequence[Figure]:
        """See Telling."""
        found = await self._desk.read(partial(_open, now=utc_now()))
        return [
            Figure(
                "pulang_deletion_requests",
                "Requests to delete that no agency has answered; overdue ones after three days.",
                ("state",),
                {(state,): number for state, number in found.items()},
            ),
            Figure("pulang_streams", "Live streams that are open on this replica.", (), {(): self._streams.total()}),
        ]


def _open(session: Session, now: datetime) -> dict[str, float]:
    overdue = _REQUESTS.c.due_at <= now
    rows = session.execute(
        select(overdue, func.count())
        .where(_REQUESTS.c.acknowledged_at.is_(None), _REQUESTS.c.agency.in_(members(session)))
        .group_by(overdue)
    )
    return {"open": 0.0, "overdue": 0.0} | {"overdue" if late else "open": number for late, number in rows}
