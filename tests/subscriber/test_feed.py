"""Over the feed, against a server that speaks its contract: outages, tokens, cursors, acknowledgements."""

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from pulang.oidc_clients import CLIENTS
from pulang.subscriber import ClientCredentials, Feed, Refused, Unreadable, subscriber
from pulang.subscriber import feed as feed_module
from pulang.subscriber.access import LONGEST_PAUSE_SECONDS, _seconds
from pulang.subscriber.order import request_of
from shared.security.roles import Roles
from shared.security.tokens import DevelopmentIssuer
from shared.settings import ROLES
from tests.subscriber.copying import Copy
from tests.subscriber.example import content, start
from tests.subscriber.standin import TOKEN, Exchange
from tests.system.token_endpoint import SECRET, TokenEndpoint

CASE = "00000000-0000-0000-0000-000000000001"
OTHER = "00000000-0000-0000-0000-000000000002"
PATIENCE_SECONDS = 30
READER = next(client for client in CLIENTS if client.agency == "iom" and client.role in ("reader", "integrator"))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriber, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(subscriber, "LONGEST_PAUSE_SECONDS", 0.02)


def feed(exchange: Exchange, token: str | ClientCredentials = TOKEN, page: int = 7) -> Feed:
    return Feed(exchange.url, token, page=page)


def test_all_of_it_is_taken_and_every_request_acknowledged(exchange: Exchange, copy: Copy) -> None:
    exchange.telling.play(150, 5)
    copy.subscriber(feed(exchange)).run(until_idle=0)
    whole = Copy()
    report = whole.subscriber(feed(exchange, page=1000)).run(until_idle=0)
    assert copy.held == whole.held
    assert report.taken > 20
    told = {event.id for event in exchange.telling.told() if request_of(event)}
    assert told
    assert set(exchange.acknowledged) == told
    assert report.owed == 0


def test_an_answer_that_does_not_come_is_waited_for(exchange: Exchange, copy: Copy) -> None:
    exchange.telling.play(60, 6)
    for status, headers in ((500, {}), (503, {"Retry-After": "0"}), (429, {}), (502, {}), (408, {})):
        exchange.faults.append((status, headers))
    copy.subscriber(feed(exchange)).run(until_idle=0)
    assert not exchange.faults
    assert {s for s in copy.held if "PLACE" not in s} == {
        s for s, c in exchange.telling.cases.items() if c.level != "none"
    }


async def test_it_does_not_ask_before_it_may(exchange: Exchange, copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(subscriber.asyncio, "sleep", sleep)
    exchange.faults.append((429, {"Retry-After": "17"}))
    exchange.faults.append((503, {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=90))}))
    await copy.subscriber(feed(exchange)).follow(until_idle=0)
    assert 17 <= slept[0] <= 17 * 1.25
    assert 80 <= slept[1] <= 90 * 1.25


@pytest.mark.parametrize(
    ("said", "seconds"),
    [(None, 0), ("12", 12), ("99999999", LONGEST_PAUSE_SECONDS), ("soon", 0), ("-3", 0), ("", 0), ("²", 0)],
)
def test_what_a_server_says_of_when_to_come_back(said: str | None, seconds: float) -> None:
    assert _seconds(said) == seconds
    assert _seconds(format_datetime(datetime(2020, 1, 1, tzinfo=UTC))) == 0


@pytest.mark.parametrize(("status", "error"), [(403, Refused), (404, Refused), (422, Refused), (302, Refused)])
def test_a_refusal_ends_the_run(exchange: Exchange, copy: Copy, status: int, error: type[Exception]) -> None:
    exchange.faults.append((status, {"Location": "http://127.0.0.1:1/"}))
    with pytest.raises(error, match=f"{status}: out of order"):
        copy.subscriber(feed(exchange)).run(until_idle=0)


def test_a_token_that_is_refused_ends_the_run_without_showing_it(exchange: Exchange, copy: Copy) -> None:
    with pytest.raises(Refused, match="401") as refused:
        copy.subscriber(feed(exchange, "not-this-one")).run(until_idle=0)
    assert "not-this-one" not in str(refused.value)


def test_another_server_is_said_to_be_one(copy: Copy) -> None:
    def elsewhere(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text="<html>welcome")

    http = httpx.AsyncClient(transport=httpx.MockTransport(elsewhere))
    with pytest.raises(Unreadable, match="address of a Pulang"):
        copy.subscriber(Feed("https://elsewhere.test", TOKEN, http=http)).run(until_idle=0)


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[TokenEndpoint]:
    one = TokenEndpoint(DevelopmentIssuer(tmp_path / "keys"), seconds=600)
    yield one
    one.close()


def test_a_token_is_fetched_kept_and_renewed_when_it_is_refused(
    exchange: Exchange, copy: Copy, issuer: TokenEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = DevelopmentIssuer(tmp_path / "keys").verifier(Roles.load(ROLES))

    class Accepted(set[str]):
        """Any that is the issuer's, but the first one when it has been withdrawn."""

        withdrawn = ""

        def __contains__(self, token: object) -> bool:
            return token != self.withdrawn and verifier.verify(str(token)).agency == "iom"

    exchange.tokens = Accepted()
    credentials = ClientCredentials(issuer.url, READER.id, SECRET % READER.id)
    exchange.telling.play(40, 7)
    copy.subscriber(feed(exchange, credentials, page=5)).run(until_idle=0)
    assert issuer.asked[READER.id] == 1
    Accepted.withdrawn = credentials.token()
    exchange.telling.play(40, 8)
    copy.subscriber(feed(exchange, credentials, page=5)).run(until_idle=0)
    assert issuer.asked[READER.id] == 2


def test_an_issuer_that_is_away_is_waited_for_and_one_that_refuses_is_not(
    exchange: Exchange, copy: Copy, issuer: TokenEndpoint
) -> None:
    issuer.instead = (503, b"")
    wrong = copy.subscriber(feed(exchange, ClientCredentials(issuer.url, READER.id, SECRET % READER.id)))

    def then_refuse() -> None:
        while issuer.asked[READER.id] < 3:
            time.sleep(0.01)
        issuer.instead = (401, b"{}")

    threading.Thread(target=then_refuse).start()
    with pytest.raises(Refused, match=READER.id):
        wrong.run(until_idle=0)


def test_a_cursor_that_is_not_known_any_more_begins_again_and_nothing_is_doubled(
    exchange: Exchange, copy: Copy, caplog: pytest.LogCaptureFixture
) -> None:
    exchange.telling.play(80, 9)
    copy.subscriber(feed(exchange)).run(until_idle=0)
    before = copy.held
    exchange.generation += 1
    report = copy.subscriber(feed(exchange)).run(until_idle=0)
    assert copy.held == before
    assert report.taken == 0
    assert report.dropped > 20
    asked = {event.id for event in exchange.telling.told() if request_of(event)}
    assert asked
    assert all(exchange.acknowledged.count(event_id) >= 2 for event_id in asked), "who asks again is answered again"
    assert "from the beginning" in caplog.text


def test_a_feed_that_refuses_its_own_cursors_is_left_alone_and_then_given_up(
    exchange: Exchange, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(feed_module.asyncio, "sleep", sleep)
    exchange.telling.play(20, 13)
    whole = exchange.page

    def forgetful(query: dict[str, str]) -> tuple[int, dict[str, str], object]:
        exchange.generation += 1
        return whole(query)

    monkeypatch.setattr(exchange, "page", forgetful)
    with pytest.raises(Refused, match="cursors that it gives out itself"):
        copy.subscriber(feed(exchange)).run(until_idle=0)
    assert slept == [0.5 * 2**n for n in range(feed_module.MOST_BEGINNINGS - 1)]
    assert copy.held, "what it told was taken"


async def test_a_history_ends_where_the_log_ended_however_fast_it_grows(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        exchange.telling.operate("PLACE-1")
    whole = exchange.page

    def growing(query: dict[str, str]) -> tuple[int, dict[str, str], object]:
        exchange.telling.operate("PLACE-2")
        return whole(query)

    monkeypatch.setattr(exchange, "page", growing)
    source = feed(exchange, page=7)
    assert len(await asyncio.wait_for(source.history("PLACE-1"), PATIENCE_SECONDS)) == 20
    assert len(exchange.asked) <= 5
    await source.close()


def test_a_deletion_is_acknowledged_after_it_is_committed_and_out_of_the_file(
    exchange: Exchange, copy: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange.telling.happens(CASE, "/pulang/intake")
    exchange.telling.decide(CASE, "identified")
    copy.subscriber(feed(exchange)).run(until_idle=0)
    assert b"trafficking_status" in everything_in(tmp_path)
    exchange.telling.decide(CASE, "none")
    seen: list[tuple[bool, bool]] = []
    answer = exchange.acknowledge

    def look(body: dict[str, str]) -> tuple[int, dict[str, str], object]:
        content = everything_in(tmp_path)
        seen.append((b"trafficking_status" in content, b"/pulang/intake" in content))
        return answer(body)

    monkeypatch.setattr(exchange, "acknowledge", look)
    copy.subscriber(feed(exchange)).run(until_idle=0)
    assert seen == [(False, False)]
    assert copy.held == {}
    (kept,) = copy.rows("SELECT key, text FROM pulang_subscriber WHERE kind = 'subject'")
    assert kept == (CASE, '{"grant":1,"state":"ended"}'), "its id, and the number of the grant that ended"


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("copy.db*")))


def test_an_acknowledgement_is_repeated_until_it_is_answered(exchange: Exchange, copy: Copy) -> None:
    exchange.telling.decide(CASE, "identified")
    exchange.telling.decide(CASE, "none")
    exchange.acknowledging.extend([500, 503, 404, 403, 429])
    ended = threading.Event()
    running = copy.subscriber(feed(exchange))
    thread = threading.Thread(target=lambda: (running.run(), ended.set()))
    thread.start()
    until = time.monotonic() + PATIENCE_SECONDS
    while not exchange.acknowledged and time.monotonic() < until:
        assert not ended.wait(0.01)
    running.stop()
    thread.join(10)
    assert ended.is_set()
    assert exchange.acknowledged == [exchange.telling.log[-1].id]
    assert not exchange.acknowledging


def test_what_is_owed_is_sent_by_the_next_run(exchange: Exchange, copy: Copy) -> None:
    exchange.telling.decide(CASE, "identified")
    exchange.telling.decide(CASE, "none")
    exchange.acknowledging.extend([500] * 100)
    assert copy.subscriber(feed(exchange)).run(until_idle=0).owed == 1
    exchange.acknowledging.clear()
    report = copy.subscriber(feed(exchange)).run(until_idle=0)
    assert (report.owed, report.acknowledged, report.taken) == (0, 1, 0)


def test_a_refused_acknowledgement_stops_neither_the_others_nor_the_events(exchange: Exchange, copy: Copy) -> None:
    for case in (CASE, OTHER):
        exchange.telling.decide(case, "identified")
        exchange.telling.decide(case, "none")
    lost = exchange.telling.log[1]
    exchange.telling.requests = lambda: {exchange.telling.log[3].id}  # type: ignore[method-assign]
    report = copy.subscriber(feed(exchange)).run(until_idle=0)
    assert copy.owed == [lost.id]
    assert report.owed == 1
    assert set(exchange.acknowledged) == {exchange.telling.log[3].id}


def test_only_some_types_are_asked_for_and_that_is_said(
    exchange: Exchange, copy: Copy, caplog: pytest.LogCaptureFixture
) -> None:
    exchange.telling.play(100, 10)
    source = Feed(exchange.url, TOKEN, types=["pulang.stay.planned.v1"])
    following = copy.subscriber(source)
    assert not following.finds_gaps
    with caplog.at_level(logging.WARNING):
        report = following.run(until_idle=0)
    assert "is not noticed" in caplog.text
    assert report.taken
    assert all(query["types"] == "pulang.stay.planned.v1" for query in exchange.asked)
    assert all(
        source == "/pulang/shelter" or "intake" in source for keys in copy.held.values() for _, source, _ in keys
    )
    with pytest.raises(ValueError, match="types"):
        Feed(exchange.url, TOKEN, types=[])


async def test_it_waits_at_the_server_and_ends_when_it_is_told(exchange: Exchange, copy: Copy) -> None:
    exchange.telling.operate("PLACE-1")
    following = copy.subscriber(feed(exchange))
    task = asyncio.create_task(following.follow())
    while "PLACE-1" not in copy.held:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert float(exchange.asked[0]["wait"]) > 20
    following.stop()
    assert (await asyncio.wait_for(task, 10)).taken == 1
    assert (await following.follow()).taken == 0, "it stays stopped"


async def test_a_run_that_is_cancelled_leaves_nothing_behind(exchange: Exchange, copy: Copy) -> None:
    task = asyncio.create_task(copy.subscriber(feed(exchange)).follow())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [one.get_name() for one in asyncio.all_tasks() if "subscriber" in one.get_name()] == []


def test_the_example_ends_when_it_is_told_and_says_what_it_did(exchange: Exchange, tmp_path: Path) -> None:
    exchange.telling.play(60, 12)
    process = start(tmp_path / "copy.db", exchange.url, TOKEN)
    while not exchange.asked or "after" not in exchange.asked[-1]:
        assert process.poll() is None
        time.sleep(0.02)
    process.terminate()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert out.startswith("Report(taken=")
    assert content(tmp_path / "copy.db")["history"]
