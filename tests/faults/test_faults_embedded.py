"""The embedded profile: killed, frozen and without disk under load, nothing is lost and nothing done twice."""

import asyncio
import contextlib
import functools
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from shared.security.tokens import DevelopmentIssuer
from tests.faults import schedule
from tests.faults.books import SqliteTables, read_books, settle
from tests.faults.checker import check
from tests.faults.embedded import KINDS, Disk, Embedded, small_disk
from tests.faults.history import History
from tests.faults.journeys import work
from tests.faults.listening import Follower
from tests.faults.load import AGENCIES, Desk, open_places
from tests.faults.report import report

FAULTS, SECONDS, WORKERS, BREATH_SECONDS = 6, 20.0, 8, 1.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """What becomes full, under `tmp_path / "data"`."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    with small_disk(folder) as one:
        print(f"the disk is {one.kind}")
        yield one


@contextlib.asynccontextmanager
async def running(pulang: Embedded) -> AsyncIterator[Embedded]:
    await pulang.start()
    try:
        await pulang.ready()
        yield pulang
    finally:
        pulang.stop()


def tokens_of(pulang: Embedded):  # type: ignore[no-untyped-def]
    """As `pulang token` makes them."""
    issuer = DevelopmentIssuer(pulang.data / "keys")

    @functools.cache
    def made(agency: str, role: str, facilities: tuple[str, ...]) -> str:
        return issuer.issue(agency, role, facilities)

    def token(agency: str, role: str, facilities: Sequence[str] = ()) -> str:
        return made(agency, role, tuple(facilities))

    return token


async def test_nothing_is_lost_or_doubled(tmp_path: Path, disk: Disk) -> None:
    seed = schedule.seed_of_run()
    print(f"{schedule.SEED}={seed}")
    async with running(Embedded(tmp_path / "data", disk)) as pulang:
        token, history = tokens_of(pulang), History()
        desk = Desk(lambda _: pulang.url, token, history, random.Random(seed))  # noqa: S311
        async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
            await open_places(http, desk)
        followers = [
            Follower(agency, lambda: pulang.url, functools.partial(token, agency, "integrator")) for agency in AGENCIES
        ]
        following = [asyncio.create_task(one.follow()) for one in followers]
        working = asyncio.create_task(work(desk, WORKERS))
        played = await schedule.play(schedule.plan(seed, KINDS, FAULTS, SECONDS), pulang.break_it, BREATH_SECONDS)
        await pulang.ready()
        desk.stopping.set()
        await working
        tables = SqliteTables(pulang.data)
        settled = await settle(tables)
        for task in following:
            task.cancel()
        await asyncio.wait(following)
        for one in followers:
            await one.catch_up()
        books = await read_books(tables)
        violations = check(history, books, {one.agency: one.heard for one in followers})
        history.save(tmp_path / "history.jsonl")
        print(report(history, played, violations, settled, desk.faults))
    assert not violations, violations[:10]
    assert desk.faults == {}, "answers that never may come"
    assert len(played.faults) == FAULTS
    assert history.outcomes()["acknowledged"] > 100, "a load that does nothing proves nothing"
