"""`pulang replay`."""

import asyncio
import sys
from pathlib import Path

from pulang.client import Reach
from pulang.replay.api import Api
from pulang.replay.folder import read_season
from pulang.replay.play import Replayed, replay
from pulang.replay.progress import progress
from pulang.replay.season import Season


def replay_folder(folder: Path, to: Reach) -> None:
    """Play the season of a folder. Raises Complaint."""
    season = read_season(folder)
    try:
        done = asyncio.run(play(season, to))
    except KeyboardInterrupt:
        print("stopped; run it again, it goes on where it was", file=sys.stderr)
        raise
    print(f"the season is in: {done.requests} requests in {done.seconds:.1f} s", file=sys.stderr)


async def play(season: Season, to: Reach) -> Replayed:
    """With the progress on standard error. Raises Complaint."""
    async with Api(to) as api:
        with progress() as told:
            return await replay(season, api, told)
