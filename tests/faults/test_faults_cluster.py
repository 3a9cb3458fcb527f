"""The distributed profile: two replicas of each service over Kafka and PostgreSQL, broken at random under load, lose
nothing and do nothing twice. `make torture` is the long run of the same."""

from collections.abc import AsyncIterator

import pytest_asyncio

from pulang.complaint import Complaint
from tests.faults.schedule import seed_of_run
from tests.faults.site import Site, running_site
from tests.faults.torture import run_faults
from tests.real.processes import open_folder, skip_or_fail

REPLICAS, FAULTS, SECONDS = 2, 15, 45.0


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    """Skips the test where there can be no cluster; fails it in CI."""
    try:
        with open_folder() as folder:
            async with running_site(REPLICAS, folder) as one:
                yield one
    except Complaint as reason:
        skip_or_fail("cluster", str(reason))


async def test_nothing_is_lost_doubled_or_out_of_order(site: Site) -> None:
    run = await run_faults(site, seed_of_run(), FAULTS, SECONDS)
    print(run.told())
    if run.violations:
        print(site.last_words())
    assert run.violations == []
    assert run.odd_answers == {}
    assert len(run.played.faults) == FAULTS
    assert run.history.outcomes()["acknowledged"] > 100, "a load that does nothing proves nothing"
