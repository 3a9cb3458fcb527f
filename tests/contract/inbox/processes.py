"""Another process for this suite: hears everything, and is killed between the commit and the offsets."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from shared.bus.protocol import TopicPartition
from shared.events.fact import LIFECYCLE
from tests.contract.inbox.hearing import Reaction, Watched, effects, listening
from tests.contract.outbox.places import PAIRS, Place


async def main(folder: Path, pair: int) -> None:
    place = Place(folder, *PAIRS[pair])
    await place.open()
    desk, reaction = await place.desk(), Reaction()
    everything = await place.bus.lag(reaction.name, [LIFECYCLE])

    async def die(positions: Mapping[TopicPartition, int]) -> None:
        if len(await effects(desk, reaction)) == everything:
            os.kill(os.getpid(), signal.SIGKILL)

    async with listening(desk, Watched(place.bus, die), reaction):
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
