"""Other processes for this suite: `python -m … write|fill ADDRESS`. What was answered is said on standard output."""

import asyncio
import os
import resource
import sys
from functools import partial

from shared.database import Database, DatabaseUnavailable
from tests.contract.unit_of_work.backends import open_database
from tests.contract.unit_of_work.tables import how_many, note

WRITERS = 16


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def write_for_ever(database: Database) -> None:
    """Many writers, each counting; until the process is killed."""

    async def writer(number: int) -> None:
        count = 0
        while True:
            name = f"{os.getpid()}-{number}-{count}"
            await database.write(partial(note, name=name))
            say(name)
            count += 1

    await asyncio.gather(*(writer(number) for number in range(WRITERS)))


async def fill(database: Database) -> None:
    """Units that share a commit with one that no longer fits on the disk; then the same when it fits again."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024, hard))
    units = [partial(note, name=f"small {n}") for n in range(20)]
    units.insert(10, partial(note, name="too big", filling=os.urandom(3 * 1024 * 1024)))
    answers = await asyncio.gather(*(database.write(unit) for unit in units), return_exceptions=True)
    say(f"answered {sum(answer == f'small {n}' for n, answer in enumerate(answers[:10] + answers[11:]))}")
    say(f"refused {isinstance(answers[10], DatabaseUnavailable)}")
    say(f"readable {await database.read(how_many)}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await database.write(units[10])
    say(f"well {await database.healthy() is None}")
    say(f"stored {await database.read(how_many)}")


async def main(story: str, address: str) -> None:
    database = await open_database(address, spine=False)
    await (write_for_ever if story == "write" else fill)(database)
    await database.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
