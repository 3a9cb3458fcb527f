"""The live stream, over a real socket: what happens is told, and who comes back misses nothing."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio
import uvicorn

from services.exchange import stream
from shared.events.exchange import Withheld
from tests.services.exchange.hearing import Exchange, Narrator, new_id

WITHIN_SECONDS = 10.0
Told = list[dict[str, Any]]


@pytest_asyncio.fixture
async def address(exchange: Exchange) -> AsyncIterator[str]:
    """The exchange behind a socket."""
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        exchange.app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    await until(lambda: server.started)
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    server.should_exit = True
    await serving


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Listener:
    """Somebody who reads a stream."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.last = ""

    async def next(self) -> dict[str, Any]:
        """The next event. Raises StopAsyncIteration at the end of the stream."""
        async with asyncio.timeout(WITHIN_SECONDS):
            found: dict[str, str] = {}
            while True:
                line = await anext(self._lines)
                if line:
                    field, _, value = line.partition(": ")
                    found[field] = value
                    continue
                self.last = found.get("id", self.last)
                if "data" in found:
                    event: dict[str, Any] = orjson.loads(found["data"])
                    assert found["event"] == event["type"]
                    return event
                found = {}

    async def take(self, count: int) -> Told:
        return [await self.next() for _ in range(count)]

    async def ended(self) -> bool:
        """Whether nothing but the end comes."""
        with contextlib.suppress(StopAsyncIteration):
            await self.next()
            return False
        return True


@contextlib.asynccontextmanager
async def reading(
    exchange: Exchange,
    address: str,
    agency: str = "iom",
    last: str = "",
    lifetime: timedelta = timedelta(hours=1),
    scope: str | None = None,
    **query: str,
) -> AsyncIterator[Listener]:
    headers = {"Authorization": f"Bearer {exchange.token(agency, 'integrator', lifetime=lifetime, scope=scope)}"}
    if last:
        headers["Last-Event-ID"] = last
    async with (
        httpx.AsyncClient(timeout=WITHIN_SECONDS) as client,
        client.stream("GET", f"{address}/exchange/stream", params=query, headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Listener(answer.aiter_lines())


async def test_the_history_then_what_happens(exchange: Exchange, narrator: Narrator, address: str) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    async with reading(exchange, address) as listener:
        assert await listener.take(2) == await exchange.feed("iom")
        await exchange.hear(narrator.screened(case))
        told = await listener.next()
        assert (told["type"], told["streamversion"]) == ("pulang.case.screened.v1", 3)


async def test_who_comes_back_misses_nothing(exchange: Exchange, narrator: Narrator, address: str) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    heard: Told = []
    last = ""
    for _ in range(4):
        await exchange.hear(narrator.screened(case), narrator.issued(case))
        async with reading(exchange, address, last=last) as listener:
            heard += await listener.take(2)
            last = listener.last
    async with reading(exchange, address, last=last) as listener:
        heard += await listener.take(2)
    assert heard == await exchange.feed("iom")


async def test_the_id_is_a_cursor_of_the_feed(exchange: Exchange, narrator: Narrator, address: str) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"), narrator.screened(case))
    async with reading(exchange, address) as listener:
        await listener.take(2)
        assert await exchange.feed("iom", listener.last) == (await exchange.feed("iom"))[2:]
    async with reading(exchange, address, after=listener.last) as listener:
        assert await listener.take(1) == (await exchange.feed("iom"))[2:]


async def test_after_a_withdrawal_the_request_to_delete_and_no_more(
    exchange: Exchange, narrator: Narrator, address: str
) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    async with reading(exchange, address) as listener:
        await listener.take(2)
        await exchange.hear(narrator.consent(case, iom="none"), narrator.screened(case), narrator.issued(case))
        assert (await listener.next())["data"]["deletion_requested"] == "case"
        other = new_id()
        await exchange.hear(narrator.registered(other), narrator.consent(other, iom="identified"))
        assert (await listener.next())["subject"] == other


async def test_a_sign_of_life(
    exchange: Exchange, address: str, narrator: Narrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It carries the place in the log, so that what is passed over is not read again."""
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.1)
    async with reading(exchange, address, types=Withheld.TYPE) as listener:
        waiting = asyncio.create_task(listener.next())
        case = new_id()
        await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
        everything = (await exchange.page("iom"))["next"]
        await until(lambda: listener.last == everything)
        waiting.cancel()


async def test_it_ends_with_the_token(exchange: Exchange, address: str) -> None:
    async with reading(exchange, address, lifetime=timedelta(seconds=1)) as listener:
        assert await listener.ended()


async def test_it_ends_when_the_agency_leaves(exchange: Exchange, address: str) -> None:
    async with reading(exchange, address) as listener:
        left = await exchange.send("DELETE", "/exchange/agencies/iom", if_match='"1"')
        assert left.status_code == 200
        assert await listener.ended()
    refused = await exchange.get("/exchange/stream", "iom", "reader")
    assert refused.status_code == 403


async def test_a_slow_reader_is_cut_off_and_can_go_on(
    exchange: Exchange, address: str, narrator: Narrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SLOW_SECONDS", 0.5)
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    for _ in range(30):
        await exchange.publish(*(narrator.screened(case) for _ in range(500)))
    await exchange.settled()
    reader, writer = await lazy(exchange, address)
    streams = exchange.service.companion(stream.Streams)
    await until(lambda: streams.count("iom") == 1)
    await until(lambda: streams.count("iom") == 0)
    got = (await reader.read()).decode(errors="replace")
    writer.close()
    ids = [line.removeprefix("id: ") for line in got.split("\r\n\r\n", 1)[1].splitlines() if line.startswith("id: ")]
    seen = len(ids) - 1  # the last one may be cut in the middle
    assert 0 < seen < 15_000
    async with reading(exchange, address, last=ids[seen - 1]) as listener:
        rest = await listener.take(15_002 - seen)
    assert [event["streamversion"] for event in rest] == list(range(seen + 1, 15_003))


async def lazy(exchange: Exchange, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Somebody who asks for the stream and does not read it."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", int(address.rsplit(":", 1)[1])))
    reader, writer = await asyncio.open_connection(sock=raw, limit=4096)
    token = exchange.token("iom", "integrator")
    writer.write(f"GET /exchange/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return reader, writer


async def test_so_many_and_no_more(
    exchange: Exchange, address: str, monkeypatch: pytest.MonkeyPatch, narrator: Narrator
) -> None:
    monkeypatch.setattr(stream, "PER_AGENCY", 1)
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    async with reading(exchange, address) as listener:
        await listener.take(1)
        refused = await exchange.get("/exchange/stream", "iom", "integrator")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        async with reading(exchange, address, "bp2mi"):
            pass


async def test_the_token_is_never_in_the_url(exchange: Exchange, address: str) -> None:
    token = exchange.token("iom", "integrator")
    async with httpx.AsyncClient() as client:
        for name in ("token", "access_token", "authorization"):
            answer = await client.get(f"{address}/exchange/stream", params={name: token})
            assert answer.status_code == 401


async def test_a_choice_of_types_leaves_gaps_but_never_the_request_to_delete(
    exchange: Exchange, narrator: Narrator, address: str
) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    await exchange.hear(narrator.screened(case), narrator.issued(case), narrator.consent(case, iom="none"))
    await exchange.hear(narrator.consent(case, iom="identified"), narrator.issued(case))
    wanted = "pulang.aid.issued.v1"
    page = await exchange.page("iom", types=wanted)
    assert page["gapless"] is False
    ends = [event for event in page["events"] if (event["data"] or {}).get("deletion_requested")]
    assert [event["type"] for event in page["events"] if event not in ends] == [wanted] * 2
    async with reading(exchange, address, types=wanted) as listener:
        assert await listener.take(len(page["events"])) == page["events"]


async def test_a_token_for_one_type_gets_that_type(exchange: Exchange, narrator: Narrator, address: str) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"), narrator.issued(case))
    scope = "openid events:pulang.aid.issued.v1"
    for asked in ({}, {"types": "pulang.aid.issued.v1,pulang.case.registered.v1"}):
        async with reading(exchange, address, scope=scope, **asked) as listener:
            assert (await listener.next())["type"] == "pulang.aid.issued.v1"


async def test_one_case_alone(exchange: Exchange, narrator: Narrator, address: str) -> None:
    one, other = new_id(), new_id()
    await exchange.hear(narrator.opened("RPTC-A", "iom"))
    for case in (one, other):
        await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"), narrator.issued(case))
    page = await exchange.page("iom", subject=one)
    assert page["gapless"] is True
    assert [event["subject"] for event in page["events"]] == [one] * 3
    assert page["events"] == await exchange.of_case("iom", one)
    place = await exchange.page("iom", subject="RPTC-A")
    assert [event["subject"] for event in place["events"]] == ["RPTC-A"]
    assert (await exchange.page("bp2mi", subject=one))["events"] == []
    async with reading(exchange, address, subject=other) as listener:
        assert await listener.take(3) == await exchange.of_case("iom", other)
