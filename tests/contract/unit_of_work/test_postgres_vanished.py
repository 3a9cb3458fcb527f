"""A machine that is gone without a word: what it had locked is free again while others wait for it."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import IO

import pytest
from sqlalchemy import text

from shared.database import DatabaseUnavailable
from shared.database.postgres import PostgresDatabase
from tests.contract.unit_of_work.tables import TABLES, how_many, note
from tests.real.postgres import SUPERUSER, new_server

ROOT = Path(__file__).parents[3]
FREE_WITHIN_SECONDS = 30.0

HALF_A_STATEMENT = """
import asyncio, sys
from sqlalchemy import text
from sqlalchemy.util.concurrency import await_only
from shared.database.postgres import PostgresDatabase

def work(session):
    session.execute(text("LOCK TABLE notes"))
    driver = session.connection().connection.driver_connection
    await_only(driver.prepare("SELECT 1"))  # the server waits for its parameters now
    print("half", flush=True)
    await_only(asyncio.sleep(600))

async def main():
    database = PostgresDatabase(sys.argv[1])
    await database.start()
    await database.write(work)

asyncio.run(main())
"""


@dataclass
class Machine:
    """Another one, on a cable of its own."""

    name: str
    near: str
    far: str

    @contextlib.contextmanager
    def running(self, *words: str) -> Iterator[IO[str]]:
        """What it says; it is killed at the end."""
        inside = ("ip", "netns", "exec", self.name, *words)
        with subprocess.Popen(inside, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            try:
                assert process.stdout is not None
                yield process.stdout
            finally:
                process.kill()

    def unplug(self) -> None:
        ip("link", "set", self.cable, "down")

    def remove(self) -> None:
        """Where it is there."""
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            ip("netns", "del", self.name)

    @property
    def cable(self) -> str:
        return f"v{self.name}"


def ip(*words: str) -> None:
    """Raises OSError, CalledProcessError where this machine does not let us."""
    subprocess.run(("ip", *words), check=True, capture_output=True)


@pytest.fixture
def machine() -> Iterator[Machine]:
    number = os.getpid() % 16384
    near, far = IPv4Network(f"10.201.{number // 64}.{number % 64 * 4}/30").hosts()
    one = Machine(f"pul{os.getpid()}", str(near), str(far))
    try:
        ip("netns", "add", one.name)
        ip("link", "add", one.cable, "type", "veth", "peer", "name", "far", "netns", one.name)
    except (OSError, subprocess.CalledProcessError):
        one.remove()
        pytest.skip("no network namespaces here")
    try:
        ip("addr", "add", f"{one.near}/30", "dev", one.cable)
        ip("link", "set", one.cable, "up")
        ip("-n", one.name, "addr", "add", f"{one.far}/30", "dev", "far")
        ip("-n", one.name, "link", "set", "far", "up")
        yield one
    finally:
        one.remove()


async def test_what_a_vanished_machine_has_locked_is_free_again(machine: Machine) -> None:
    """It had sent a part of a statement, so that it counts neither as idle nor as too slow."""
    server = new_server(listen_addresses=f"127.0.0.1,{machine.near}")
    try:
        with (server.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {machine.far}/32 trust\n")
        database = PostgresDatabase(server.url("postgres"))
        async with database.engine.begin() as connection:
            await connection.run_sync(TABLES.create_all)
            await connection.execute(text("SELECT pg_reload_conf()"))
        await database.start()
        url = f"postgresql://{SUPERUSER}@{machine.near}:{server.port}/postgres"
        with machine.running(sys.executable, "-c", HALF_A_STATEMENT, url) as said:
            assert await asyncio.to_thread(said.readline) == "half\n"
            machine.unplug()
            with pytest.raises(DatabaseUnavailable, match="lock timeout"):
                await database.write(how_many)
            async with asyncio.timeout(FREE_WITHIN_SECONDS):
                while not await goes_well(database):
                    pass
        await database.stop()
    finally:
        server.remove()


async def goes_well(database: PostgresDatabase) -> bool:
    """Waits for the lock as long as any statement does."""
    try:
        await database.write(lambda session: note(session, "afterwards"))
    except DatabaseUnavailable:
        return False
    return True
