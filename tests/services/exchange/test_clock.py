"""What the clock asks for: beside what is done at that moment, and where a subject waits for an officer."""

import asyncio
import signal
from dataclasses import replace

import pytest
from sqlalchemy import delete, text
from sqlalchemy.util import await_only

from services.exchange.commands.agencies import tell_who_left, write_policy
from services.exchange.log import take_positions
from services.exchange.main import EXCHANGE
from services.exchange.policy import load_policies
from shared.events.exchange import AgencyLeft
from shared.outbox.table import STREAMS
from shared.security.membership import AGENCIES_LEFT, agencies_left
from shared.settings import Settings
from shared.work import Work
from tests.contract.outbox.places import until
from tests.services.exchange.hearing import listening


async def test_a_command_about_who_waits_ends_neither_the_others_nor_the_process(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.kill", lambda pid, number: number is signal.SIGTERM)  # it would end the tests
    done, loop = asyncio.Event(), asyncio.get_running_loop()

    def about_it(work: Work) -> None:
        work.session.execute(STREAMS.insert().values(subject="iom", version=1, state_version=0))
        work.record("iom", AgencyLeft(agency="iom"))

    def another(work: Work) -> None:
        loop.call_soon_threadsafe(done.set)

    async with listening(settings, replace(EXCHANGE, clock=(about_it, another))) as exchange:

        async def over() -> bool:
            return done.is_set() or exchange.service.failed() is not None

        await until(over)
        assert exchange.service.failed() is None
        assert await exchange.service.desk.glance(lambda session: session.execute(STREAMS.select()).all()) == []


@pytest.mark.on_postgres  # SQLite writes one after the other
async def test_who_comes_back_while_the_clock_tells_who_left_is_not_shut_out(settings: Settings) -> None:
    """As before the services asked who has left: only the policy knows."""
    async with listening(settings, replace(EXCHANGE, clock=())) as exchange:
        desk, comes, go = exchange.service.desk, asyncio.Event(), asyncio.Event()
        assert (await exchange.send("DELETE", "/exchange/agencies/iom", if_match='"1"')).status_code == 200
        await desk.write(lambda work: work.session.execute(delete(AGENCIES_LEFT)))

        def comes_back(work: Work) -> None:
            take_positions(work.session, 0)
            known = load_policies(work.session)["iom"]
            write_policy(work.session, replace(known, member=True, version=3), work.now, "test")
            comes.set()
            await_only(go.wait())

        async def waits() -> bool:
            blocked = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            return bool(await desk.glance(lambda session: session.execute(blocked).scalar_one()))

        back = asyncio.create_task(desk.write(comes_back))
        await comes.wait()
        clock = asyncio.create_task(desk.write(tell_who_left))

        async def waits_or_is_done() -> bool:
            return clock.done() or await waits()

        await until(waits_or_is_done)
        go.set()
        await back
        await clock
        assert await desk.glance(agencies_left) == frozenset()
