"""`make torture MINUTES=10 [SEED=7]`: a cluster under load and faults, and what the checker says of it afterwards."""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from pulang.complaint import Complaint
from tests.faults import schedule
from tests.faults.books import NotSettled, read_books, settle
from tests.faults.breaking import Breaker
from tests.faults.checker import check, check_replicas
from tests.faults.history import History
from tests.faults.journeys import work
from tests.faults.load import Desk, open_places
from tests.faults.report import report
from tests.faults.schedule import Played
from tests.faults.site import Site, running_site
from tests.faults.violations import Violation

FAULTS_A_MINUTE = 12
BREATH_SECONDS = 1.0
WORKERS = 8


@dataclass(slots=True)
class Run:
    """How a run went."""

    seed: int
    history: History = field(default_factory=History)
    played: Played = field(default_factory=Played)
    violations: list[Violation] = field(default_factory=list)
    ready_seconds: float = 0.0
    settled_seconds: float = 0.0
    odd_answers: dict[str, int] = field(default_factory=dict)
    """4xx and 5xx that never may come, by status and operation."""

    def told(self) -> str:
        return report(self.history, self.played, self.violations, self.settled_seconds, self.odd_answers)


async def run_faults(site: Site, seed: int, count: int, seconds: float, workers: int = WORKERS) -> Run:
    """Load and faults for so long, then everything settles and is judged.

    Raises NotSettled, TimeoutError (a replica does not come back), and whatever a fault could not be made by.
    """
    print(f"{schedule.SEED}={seed}", flush=True)
    run, breaker = Run(seed), Breaker(site, seed)
    desk = Desk(lambda _: site.url, site.token, run.history, random.Random(seed))  # noqa: S311
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        await open_places(http, desk)
    working = asyncio.create_task(work(desk, workers))
    faults = schedule.plan(seed, breaker.kinds(), count, seconds)
    run.played = await schedule.play(faults, breaker.break_it, BREATH_SECONDS, _say)
    run.played.skipped = breaker.skipped
    # What is acknowledged after the last fault counts as well: the load stops a little later.
    run.ready_seconds = await breaker.all_ready()
    desk.stopping.set()
    await working
    run.odd_answers = desk.faults
    try:
        run.settled_seconds = await settle(site.tables)
    except NotSettled as late:
        run.violations.append(Violation("backlog", str(late)))
    run.violations += check(run.history, await read_books(site.tables), await site.read_topics())
    run.violations += check_replicas(await site.answers())
    return run


def _say(what: str) -> None:
    print(what, flush=True)


async def _torture(minutes: float, seed: int, replicas: int, folder: Path) -> Run:
    count = max(1, round(FAULTS_A_MINUTE * minutes))
    async with running_site(replicas, folder) as site:
        run = await run_faults(site, seed, count, minutes * 60)
        run.history.save(folder / "history.jsonl")
        return run


def main() -> int:
    """Status 0 where nothing was lost, doubled or out of order."""
    words = argparse.ArgumentParser(prog="make torture", description="a cluster under load and faults")
    words.add_argument("--minutes", type=float, default=10.0)
    words.add_argument("--seed", type=int, default=None, help="replays a schedule; a new one where not given")
    words.add_argument("--replicas", type=int, default=2, help="of each service (2)")
    words.add_argument("--folder", type=Path, default=None, help="keeps logs and data; a temporary one where not given")
    given = words.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="pulang-torture-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)  # PostgreSQL is not run by root, and must pass
    seed = schedule.seed_of_run() if given.seed is None else given.seed
    try:
        run = asyncio.run(_torture(given.minutes, seed, given.replicas, folder))
    except Complaint as complaint:
        print(f"torture: {complaint}", file=sys.stderr)
        return 1
    print(run.told())
    wrong = bool(run.violations or run.odd_answers)
    if wrong or given.folder:
        print(f"logs and history are in {folder}; SEED={seed} replays the schedule")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
