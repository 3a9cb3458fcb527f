"""Requests that are all under way at the same moment, and what must be true after them.

A table is locked against writing (reading it, and locking its rows, goes on) until every request waits for some lock:
by then each has looked as far as the service lets it look before another has written. Then they run.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import asyncpg  # type: ignore[import-untyped]
import httpx
from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError

from shared.database.postgres import PostgresDatabase
from shared.database.protocol import CONFLICTS, sqlstate_of
from shared.service import Service
from shared.work import Desk
from tests.stores import PATIENCE_SECONDS, Chosen, OnServer
from tests.world import Pulang

UNDER_WAY_WITHIN_SECONDS = PATIENCE_SECONDS / 2
_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
"""


async def race(service: str, table: str, *requests: Awaitable[httpx.Response]) -> list[httpx.Response]:
    """The answers, in the order of the requests; none of them is an error of the server's.

    `table`: one of the service's, which each of the requests writes unless another lock keeps it.
    """
    async with held(service, table) as gate:
        asked = [asyncio.ensure_future(request) for request in requests]
        await under_way(gate, *asked)
    answers = await asyncio.gather(*asked)
    assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
    return answers


def held(service: str, table: str) -> AbstractAsyncContextManager[Any]:
    """Nobody writes the table before the end."""
    return blocked(service, f"LOCK TABLE {table} IN SHARE MODE")


@contextlib.asynccontextmanager
async def blocked(service: str, *statements: str) -> AsyncIterator[Any]:
    """Whoever needs what the statements lock waits until the end; then they never happened."""
    gate = await asyncpg.connect(cast(OnServer, Chosen.databases).url(service))
    try:
        await gate.execute("BEGIN")
        for statement in statements:
            await gate.execute(statement)
        yield gate
        await gate.execute("ROLLBACK")
    finally:
        await gate.close()


@contextlib.contextmanager
def no_deadlock(desk: Desk) -> Iterator[None]:
    """Nothing that the desk does meanwhile ends as the victim of a deadlock: run again, it would go unnoticed."""
    engine, victims = cast(PostgresDatabase, desk.database).engine.sync_engine, []

    def note(context: ExceptionContext) -> None:
        if isinstance(context.sqlalchemy_exception, DBAPIError):
            victims.append(sqlstate_of(context.sqlalchemy_exception))

    event.listen(engine, "handle_error", note)
    try:
        yield
    finally:
        event.remove(engine, "handle_error", note)
    assert not set(victims) & set(CONFLICTS)


async def under_way(gate: Any, *asked: "asyncio.Future[Any]") -> None:
    """Until each of them waits for a lock."""
    async with asyncio.timeout(UNDER_WAY_WITHIN_SECONDS):
        while True:
            await gate.execute("SELECT pg_stat_clear_snapshot()")  # a transaction is shown what it saw first
            if await gate.fetchval(_WAITING) >= len(asked):
                return
            assert not (done := [one.result() for one in asked if one.done()]), f"waited for nothing: {done}"
            await asyncio.sleep(0.005)


def statuses(answers: Sequence[httpx.Response]) -> dict[int, int]:
    """How many answers had which status."""
    return dict(Counter(answer.status_code for answer in answers))


def kinds(answers: Sequence[httpx.Response]) -> list[str]:
    """The problems among the answers."""
    return [answer.json()["type"].removeprefix("/problems/") for answer in answers if answer.status_code >= 400]


def all_alike(answers: Sequence[httpx.Response]) -> bool:
    """Whether each was answered with success, and with the same."""
    return all(answer.status_code < 300 for answer in answers) and len({answer.text for answer in answers}) == 1


async def told(pulang: Pulang, service: str, subject: str) -> list[str]:
    """The facts of a stream without gap in its versions, in their order; every chain of the service holds."""
    rows = pulang.rows(
        service, "SELECT type, streamversion FROM events WHERE subject = ? ORDER BY streamversion", subject
    )
    assert [version for _, version in rows] == list(range(1, len(rows) + 1))
    chains = (await pulang.administrator.get(f"/{service}/operations/chains")).json()
    assert chains["broken"] == []
    return [kind.removeprefix("pulang.").removesuffix(".v1") for kind, _ in rows]


def service_of(pulang: Pulang, name: str) -> Service:
    """The running service itself."""
    app = cast(FastAPI, cast(httpx.ASGITransport, pulang.client._transport).app)
    return cast(Service, app.state.services[name])
