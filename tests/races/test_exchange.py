"""Two at the same moment, in exchange."""

import asyncio
from functools import partial
from pathlib import Path

from sqlalchemy import insert, select

from services.exchange.main import EXCHANGE
from services.exchange.models import Agency
from services.exchange.relay import LEASE, mark_sent
from shared.database.models import table_of
from shared.outbox.lease import Lease
from tests.races.racing import blocked, under_way
from tests.services.psychosocial.hearing import desk_of


async def test_a_relay_that_lost_its_lease_marks_nothing(tmp_path: Path) -> None:
    """An operator took the lease, and has the topic that was made anew sent from its start, while it was about to."""
    async with desk_of(EXCHANGE, tmp_path) as desk:
        row = insert(table_of(Agency)).values(agency="iom", last=9, sent=5)
        await desk.write(lambda work: work.session.execute(row))
        lease = Lease(desk.database, LEASE)
        assert await lease.hold()
        taken = ("UPDATE relay_lease SET number = number + 1", "UPDATE agencies SET sent = 0")
        async with blocked("exchange", *taken) as gate:
            mark = partial(mark_sent, agency="iom", last=9, number=lease.number)
            marking = asyncio.ensure_future(desk.database.write(mark))
            await under_way(gate, marking)
            await gate.execute("COMMIT")
        assert not await marking
        assert await desk.read(lambda session: session.scalar(select(table_of(Agency).c.sent))) == 0
