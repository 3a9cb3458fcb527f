"""Two who both believe that a lease is theirs."""

import asyncio
from functools import partial
from pathlib import Path

from sqlalchemy import select, text, update

from services.exchange.main import EXCHANGE
from services.exchange.models import Agency
from services.exchange.relay import LEASE, mark_sent
from services.intake.main import INTAKE
from shared.auditing.heads import HEADS, chain_and_head, published, unpublished
from shared.auditing.walking import walk
from shared.database.models import table_of
from shared.outbox.lease import Lease
from tests.races.racing import blocked, under_way
from tests.services.psychosocial.hearing import desk_of

ENTRY = """
INSERT INTO audit (at_ms, actor, agency, roles, action, subject, purpose, outcome)
VALUES (0, 'x', 'x', 'x', 'x', 'x', 'x', 'done')
"""


async def test_a_relay_that_lost_its_lease_marks_nothing(tmp_path: Path) -> None:
    """An operator took the lease, and has the topic that was made anew sent from its start, while it was about to."""
    async with desk_of(EXCHANGE, tmp_path) as desk:
        begun = update(table_of(Agency)).where(table_of(Agency).c.agency == "iom").values(last=9, sent=5)
        await desk.write(lambda work: work.session.execute(begun))
        lease = Lease(desk.database, LEASE)
        assert await lease.hold()
        taken = ("UPDATE relay_lease SET number = number + 1", "UPDATE agencies SET sent = 0")
        async with blocked("exchange", *taken) as gate:
            mark = partial(mark_sent, sent={"iom": (5, 9)}, number=lease.number)
            marking = asyncio.ensure_future(desk.database.write(mark))
            await under_way(gate, marking)
            await gate.execute("COMMIT")
        assert not await marking
        sent = select(table_of(Agency).c.sent).where(table_of(Agency).c.agency == "iom")
        assert await desk.read(lambda session: session.scalar(sent)) == 0


async def test_the_audit_log_is_one_chain_however_many_forge_it(tmp_path: Path) -> None:
    """An entry may be committed after later ones, too."""
    async with desk_of(INTAKE, tmp_path) as desk:

        async def enter() -> None:
            await desk.write(lambda work: work.session.execute(text(ENTRY)))

        await enter()
        async with blocked("intake", ENTRY) as late:
            await enter()
            async with blocked("intake", "SELECT 1 FROM audit WHERE position = 1 FOR UPDATE") as gate:
                forging = [asyncio.ensure_future(desk.write(chain_and_head))]
                await under_way(gate, *forging)
                await late.execute("COMMIT")
                forging.append(asyncio.ensure_future(desk.write(chain_and_head)))
                await under_way(gate, *forging)
        await asyncio.gather(*forging)
        assert not (await desk.read(lambda session: walk(session, desk.secrets.audit))).findings
        chained = await desk.read(lambda session: session.scalars(text("SELECT number FROM audit ORDER BY 1")).all())
        assert chained == [1, 2, 3]
        heads = await desk.read(lambda session: session.execute(select(HEADS.c.sequence, HEADS.c.number)).all())
        assert len(heads) == 1, "what waits to be published is noted once"


async def test_two_who_have_published_the_same_head_note_the_next_one_once(tmp_path: Path) -> None:
    async with desk_of(INTAKE, tmp_path) as desk:
        await desk.write(lambda work: work.session.execute(text(ENTRY)))
        await desk.write(chain_and_head)
        waiting = await desk.read(unpublished)
        await desk.write(lambda work: work.session.execute(text(ENTRY)))
        await desk.write(chain_and_head)
        async with blocked("intake", "SELECT 1 FROM audit_heads FOR UPDATE") as gate:
            marking = [asyncio.ensure_future(desk.write(partial(published, heads=waiting))) for _ in range(2)]
            await under_way(gate, *marking)
            await gate.execute("COMMIT")
        await asyncio.gather(*marking)
        heads = await desk.read(lambda session: session.execute(select(HEADS).order_by(HEADS.c.sequence)).all())
        assert [(head.sequence, head.number, head.published) for head in heads] == [(1, 1, True), (2, 2, False)]
        assert heads[1].previous == heads[0].seal
