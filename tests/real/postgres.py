"""A real PostgreSQL for tests, from this machine's binaries. It ends with the process that started it."""

import atexit
import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from signal import SIGINT, Signals
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest

SUPERUSER = "postgres"
START_SECONDS = 60.0
INITDB = ("-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
SETTINGS: dict[str, Any] = {
    "listen_addresses": "127.0.0.1",
    "fsync": "on",
    "jit": "off",
    "shared_buffers": "16MB",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "deadlock_timeout": "100ms",
}

# The pipe to it is closed by the operating system at the latest: then the server is ended and its folder removed.
_WATCHED = """
folder=$1; shift
exec 3<&0
"$@" & server=$!
(cat <&3 >/dev/null; touch "$folder/unwatched"; kill -QUIT $server) & watch=$!
wait $server
if [ -e "$folder/unwatched" ]; then rm -rf "$folder"; else kill $watch; fi
"""


class NoPostgres(Exception):
    """No PostgreSQL can be had on this machine, and why."""


class PostgresServer:
    """A server of its own: on the loopback alone, with a folder under /tmp, durable as a real one (`fsync` is on)."""

    def __init__(self, backup: Path | None = None, **settings: Any) -> None:
        """`backup`: a base backup to begin with, instead of nothing. In `settings`, FOLDER stands for the server's own.

        Raises NoPostgres.
        """
        self._binaries = _binaries()
        self._as: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self._folder = Path(tempfile.mkdtemp(prefix="pulang-postgres-"))
        if os.geteuid() == 0:  # PostgreSQL refuses to be run by root
            owner = _unprivileged()
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
            self._as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        self._settings = SETTINGS | {
            name: str(value).replace("FOLDER", str(self._folder)) for name, value in settings.items()
        }
        if backup is not None:
            shutil.copytree(backup, self._data)
            for path in (self._data, *self._data.rglob("*")):
                os.chown(path, *(self._as.get(whose, -1) for whose in ("user", "group")))
            return
        done = subprocess.run(
            (self._binaries / "initdb", "-D", self._data, "-U", SUPERUSER, *INITDB),
            capture_output=True,
            text=True,
            cwd=self._folder,
            **self._as,
        )
        if done.returncode:
            self.remove()
            raise NoPostgres(f"initdb: {done.stderr.strip()}")

    def start(self) -> None:
        """Returns when it takes connections; after a crash, when it has recovered. Raises NoPostgres."""
        again, deadline = self.port != 0, time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None:
                self.port = self.port if again else _free_port()
                self._process = self._launch()
            elif (
                self._process.poll() is not None
            ):  # somebody took the port; after a crash: old backends are there still
                self._let_go()
            elif self._answers():
                return
            time.sleep(0.02)
        told = self._log.read_text()[-500:]
        self.remove()
        raise NoPostgres(f"it does not start: {told}")

    def stop(self, how: Signals = SIGINT) -> None:
        """By SIGINT: it ends its sessions, then itself. By SIGKILL: as when the machine fails."""
        os.kill(int((self._data / "postmaster.pid").read_text().split()[0]), how)
        self._let_go()

    def remove(self) -> None:
        """Ended for good. May be called twice."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._let_go()
        shutil.rmtree(self._folder, ignore_errors=True)

    def base_backup(self, to: Path) -> Path:
        """Taken while it works; the folder, which holds the WAL that the backup itself needs."""
        words = (self._binaries / "pg_basebackup", "-D", to, "-d", self.url("postgres"), "--checkpoint=fast")
        subprocess.run(words, check=True, capture_output=True)
        return to

    @property
    def folder(self) -> Path:
        return self._folder

    def url(self, database: str, user: str = SUPERUSER) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _launch(self) -> "subprocess.Popen[bytes]":
        settings = self._settings | {"port": self.port, "unix_socket_directories": self._folder}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                ("sh", "-c", _WATCHED, "sh", self._folder, self._binaries / "postgres", "-D", self._data, *words),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,  # Ctrl-C is for the tests, which still need it to end well
                **self._as,
            )

    def _answers(self) -> bool:
        asked = (self._binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port))
        return subprocess.run(asked, check=False).returncode == 0

    def _let_go(self) -> None:
        if self._process is not None:
            self._process.wait(START_SECONDS)
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process = None


def new_server(backup: Path | None = None, **settings: Any) -> PostgresServer:
    """A started server; `backup`, `settings`: as PostgresServer. Skips the test where there is none, fails it in CI."""
    try:
        server = PostgresServer(backup, **settings)
        atexit.register(server.remove)
        server.start()
    except NoPostgres as why:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no PostgreSQL: {why}", pytrace=False)
        pytest.skip(f"NO POSTGRESQL, so nothing was tested on it: {why}")
    return server


@cache
def the_server() -> PostgresServer:
    """The one of this test run. Skips or fails as `new_server`."""
    return new_server()


async def make_database(server: PostgresServer, name: str) -> None:
    """An empty one."""
    await _run(server, f'CREATE DATABASE "{name}"')


async def drop_database(server: PostgresServer, name: str) -> None:
    """With whoever is still connected to it."""
    await _run(server, f'DROP DATABASE "{name}" WITH (FORCE)')


async def empty_database(server: PostgresServer, name: str, but: Sequence[str] = ()) -> int:
    """Without a row, and its sequences at their beginning; `but` for these tables. How many tables it has."""
    connection = await asyncpg.connect(server.url(name))
    try:
        await connection.execute(_EMPTY.format(kept=",".join(but)))
        return int(await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
    finally:
        await connection.close()


# Emptying a hundred tables by TRUNCATE takes a second: each gets a new file. As a replica: no trigger, no foreign key.
_EMPTY = """
DO $$ DECLARE one record; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL ('{{{kept}}}')
    LOOP EXECUTE format('DELETE FROM %I', one.name); END LOOP;
    FOR one IN SELECT sequencename AS name FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
    LOOP EXECUTE format('ALTER SEQUENCE %I RESTART', one.name); END LOOP;
END $$
"""


async def contents(url: str) -> dict[str, str]:
    """The rows of each table that has any, as JSON; but for Alembic's own."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        )
        found = {}
        for (table,) in tables:
            if (rows := await connection.fetchval(f'SELECT json_agg(one) FROM "{table}" one')) is not None:
                found[table] = str(rows)
        return found
    finally:
        await connection.close()


async def put_back(url: str, found: Mapping[str, str]) -> None:
    """Rows as `contents` found them."""
    connection = await asyncpg.connect(url)
    try:
        for table, rows in found.items():
            await connection.execute(
                f'INSERT INTO "{table}" SELECT * FROM json_populate_recordset(NULL::"{table}", $1)', rows
            )
    finally:
        await connection.close()


async def _run(server: PostgresServer, statement: str) -> None:
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def psql(url: str) -> "subprocess.Popen[str]":
    """Somebody else's session: a shell that takes SQL on its standard input, until that is closed."""
    words = (_binaries() / "psql", "-qAtX", url)
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@cache
def _binaries() -> Path:
    """Debian keeps them apart, by version, and has only a wrapper of `psql` on the PATH."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: float(place.parent.name), reverse=True)
    if config := shutil.which("pg_config"):
        places.append(Path(subprocess.run((config, "--bindir"), capture_output=True, text=True).stdout.strip()))
    if found := shutil.which("postgres"):
        places.append(Path(found).parent)
    for place in places:
        if all((place / tool).exists() for tool in ("postgres", "initdb", "psql", "pg_isready")):
            return place
    raise NoPostgres("no binaries of a server here")


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise NoPostgres("nobody here but root")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port
