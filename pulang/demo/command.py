"""`pulang demo`, from beginning to end."""

import asyncio
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from pulang.client import Reach, own, reach
from pulang.complaint import Complaint
from pulang.demo.figures import Difference, Figures, read_figures
from pulang.demo.server import Listen, Server, running
from pulang.demo.settling import until_settled
from pulang.demo.table import show
from pulang.replay.api import Api
from pulang.replay.folder import read_season
from pulang.replay.play import replay
from pulang.replay.progress import progress
from pulang.replay.season import Season


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a demo found."""

    figures: Figures
    differences: list[Difference]
    events: int
    requests: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "figures": {name: self.figures.exchange.get(name) for name in self.figures.names()},
            "differences": [difference.to_json() for difference in self.differences],
            "events": self.events,
            "requests": self.requests,
            "seconds": round(self.seconds, 1),
        }


def run_demo(folder: Path, listen: Listen, url: str | None, token: str | None, *, leave: bool, as_json: bool) -> int:
    """The exit status: 0 where every figure agrees. Raises Complaint."""
    season = read_season(folder)
    # Both end a demo, so that its server is stopped on the way out; a shell starts what runs in the background deaf to
    # the first.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupt)
    if url is not None:
        return _show(_play(season, reach(url, token, listen.data), lambda: None), as_json)
    with running(listen) as server:
        address = server.address()
        print(f"Pulang runs at {address} on {listen.settings.data}", file=sys.stderr)
        status = _show(_play(season, own(address, token, listen.data), server.ended), as_json)
        if not leave:
            _keep_serving(server, address)
        return status


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _play(season: Season, to: Reach, ended: Callable[[], Complaint | None]) -> Outcome:
    async def everything() -> Outcome:
        async with Api(to) as api:
            with progress() as told:
                done = await replay(season, api, told)
            events = await until_settled(api, ended)
            figures = await read_figures(api, season)
            return Outcome(figures, figures.differences(), events, done.requests, done.seconds)

    try:
        return asyncio.run(everything())
    except Complaint:
        # A server that went away explains more than the connection that broke.
        if (gone := ended()) is not None:
            raise gone from None
        raise


def _show(outcome: Outcome, as_json: bool) -> int:
    show(outcome.figures, outcome.differences, to_stderr=as_json)
    print(f"{outcome.events} events, {outcome.requests} requests in {outcome.seconds:.1f} s", file=sys.stderr)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(outcome.to_json()) + b"\n")
        sys.stdout.buffer.flush()
    return 1 if outcome.differences else 0


def _keep_serving(server: Server, address: str) -> None:
    print(NEXT.format(address=address), file=sys.stderr)
    try:
        server.wait()
    except KeyboardInterrupt:
        print("stopping", file=sys.stderr)


NEXT = """
Pulang serves at {address}. What to try next, in another terminal:
  {address}/docs                     every operation, with examples
  pulang watch iom --until-idle 3    the season as IOM may see it
  pulang status --verify             backlogs, and whether the event logs are whole
  pulang erasures request CASE       a person is erased: one asks, `pulang erasures approve CASE` is somebody else
Ctrl-C stops it; the same command starts it again with its data."""
