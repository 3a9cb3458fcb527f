"""One caller that has run wild is held up, and nobody else."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.app import Outside
from shared.http.limits import BODY_BYTES, Buckets, Limits, Rate, TooManyRequests, limits_from
from shared.http.problems import MEDIA_TYPE
from shared.settings import Environment, SettingInvalid, Settings
from tests.world import Pulang, User, running

CASES = "/intake/cases"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_so_many_at_once_and_then_so_many_a_second() -> None:
    clock = Clock()
    buckets = Buckets("token", Rate(2, 5), now=clock)
    taken = [buckets.take("a") for _ in range(6)]
    assert [one.allowed for one in taken if one] == [True] * 5 + [False]
    assert [one.left for one in taken if one] == [4, 3, 2, 1, 0, 0]
    assert taken[5] is not None
    assert taken[5].again_seconds == pytest.approx(0.5)
    clock.now += 0.5
    assert [one.allowed for one in (buckets.take("a"), buckets.take("a")) if one] == [True, False]
    clock.now += 1000
    assert [one.allowed for one in (buckets.take("a") for _ in range(6)) if one] == [True] * 5 + [False]


def test_each_has_a_bucket_of_their_own() -> None:
    buckets = Buckets("token", Rate(1, 1), now=Clock())
    assert [one.allowed for one in map(buckets.take, "abab") if one] == [True, True, False, False]


def test_who_was_refused_is_not_put_off_further() -> None:
    clock = Clock()
    buckets = Buckets("token", Rate(1, 1), now=clock)
    for _ in range(1000):
        buckets.take("a")
    clock.now += 1
    standing = buckets.take("a")
    assert standing is not None
    assert standing.allowed


@given(st.integers(1, 20), st.integers(0, 50), st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_never_more_than_the_burst_and_what_the_time_gives(a_second: int, more: int, pauses: list[float]) -> None:
    clock, burst = Clock(), a_second + more
    buckets = Buckets("token", Rate(a_second, burst), now=clock)
    allowed: list[float] = []
    for pause in pauses:
        clock.now += pause
        standing = buckets.take("a")
        assert standing is not None
        if standing.allowed:
            allowed.append(clock.now)
        else:  # and whoever waits as long as they were told is let in
            clock.now += standing.again_seconds + 1e-6
            again = buckets.take("a")
            assert again is not None
            assert again.allowed
            allowed.append(clock.now)
    for at, first in enumerate(allowed):
        for count, last in enumerate(allowed[at:], start=1):
            assert count <= burst + a_second * (last - first) + 1e-3


def test_only_so_many_are_remembered() -> None:
    buckets = Buckets("address", Rate(1, 2), now=Clock())
    for number in range(30_000):
        buckets.take(str(number))
    assert len(buckets._full_at) == 20_000


def test_what_is_set() -> None:
    assert limits_from(Environment({})) == Limits()
    read = limits_from(Environment({"PULANG_RATE_LIMIT": "5/10", "PULANG_RATE_LIMIT_ADDRESS": "off"}))
    assert (read.bearer, read.address) == (Rate(5, 10), Rate(0, 0))
    assert Buckets("token", read.address).take("a") is None
    for wrong in ("5", "0/5", "10/5", "-1/5", "a/b", "1.5/2", "5/", "1/99999999999"):
        with pytest.raises(SettingInvalid, match="PULANG_RATE_LIMIT must be"):
            limits_from(Environment({"PULANG_RATE_LIMIT": wrong}))


@asynccontextmanager
async def limited(folder: Path, migrated: Path, bearer: Rate, address: Rate) -> AsyncIterator[Pulang]:
    shutil.copytree(migrated, folder / "data")
    async with running(Settings(folder / "data"), Outside(Limits(bearer, address))) as pulang:
        yield pulang


async def statuses(user: User, count: int, path: str = CASES) -> list[int]:
    return [(await user.get(path)).status_code for _ in range(count)]


def too_many(answer: httpx.Response, name: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (429, MEDIA_TYPE), answer.text
    assert answer.json()["type"] == "/problems/too-many-requests"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["ratelimit"].startswith(f'"{name}";r=0;t=')
    assert answer.headers["ratelimit-policy"] == f'"{name}";q=3;w=3000'


async def test_a_bearer_is_limited_whatever_token_they_show(tmp_path: Path, migrated_folder: Path) -> None:
    async with limited(tmp_path, migrated_folder, Rate(0.001, 3), Rate(0, 0)) as pulang:
        one = pulang.user("arrival_officer", "bp2mi", "TNJ", subject="a")
        first = await one.get(CASES)
        assert (first.status_code, first.headers["ratelimit"][:12]) == (200, '"token";r=2;')
        assert "ratelimit-policy" not in first.headers
        # What the roles do not permit counts, too: so does what cannot be, and another service.
        again = pulang.user("arrival_officer", "bp2mi", "BTM", subject="a")
        assert (await again.get("/exchange/feed")).status_code == 403
        assert (await again.get(f"{CASES}?limit=x")).status_code == 422
        for path in (CASES, "/exchange/feed", "/shelter/stays"):
            too_many(await one.get(path), "token")
            too_many(await again.get(path), "token")
        for other in (("bp2mi", "b"), ("kemensos", "a")):
            assert await statuses(pulang.user("arrival_officer", other[0], "TNJ", subject=other[1]), 3) == [200] * 3


async def test_who_is_not_let_in_is_limited_by_address_and_holds_up_nobody_who_is(
    tmp_path: Path, migrated_folder: Path
) -> None:
    async with limited(tmp_path, migrated_folder, Rate(0, 0), Rate(0.001, 3)) as pulang:
        forged = User(pulang.client, "x")
        assert (await pulang.client.get(CASES)).status_code == 401
        assert await statuses(forged, 1) == [401]
        assert (await pulang.client.get("/no/such/path")).status_code == 404
        too_many(await forged.get(CASES), "address")
        too_many(await pulang.client.get(CASES), "address")
        too_many(await pulang.client.get(CASES, headers={"Authorization": "Basic x"}), "address")
        too_many(await pulang.client.post("/intake/cases", json={}), "address")
        assert await statuses(pulang.officer(), 10) == [200] * 10
        for path in ("/livez", "/readyz", "/metrics"):
            assert (await pulang.client.get(path)).status_code == 200


async def test_of_an_ipv6_address_the_network_counts(tmp_path: Path, migrated_folder: Path) -> None:
    async with limited(tmp_path, migrated_folder, Rate(0, 0), Rate(0.001, 3)) as pulang:
        app = pulang.client._transport.app  # type: ignore[attr-defined]

        async def asked(address: str) -> int:
            transport = httpx.ASGITransport(app, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://pulang.test") as client:
                return (await client.get(CASES)).status_code

        one_customer = [
            "2001:db8:1:2::1",
            "2001:db8:1:2:3::",
            "2001:DB8:1:2:ffff:ffff:ffff:ffff",
            "2001:db8:1:2::9%eth0",
        ]
        assert [await asked(address) for address in one_customer] == [401, 401, 401, 429]
        assert [await asked(f"2001:db8:1:{number}::1") for number in range(3, 9)] == [401] * 6
        # The same IPv4 address, however it is written.
        written = ["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201", "192.0.2.1"]
        assert [await asked(address) for address in written] == [401, 401, 401, 429]
        assert await asked("::ffff:192.0.2.2") == 401


async def test_readiness_is_asked_once_however_many_want_to_know(pulang: Pulang) -> None:
    service = pulang._services[0]
    asked, ask = 0, service.missing
    begun, waits = asyncio.Event(), asyncio.Event()

    async def counted() -> list[str]:
        nonlocal asked
        asked += 1
        begun.set()
        await waits.wait()
        return await ask()

    service.missing = counted  # type: ignore[method-assign]
    many = [asyncio.create_task(pulang.client.get("/readyz")) for _ in range(50)]
    await begun.wait()
    await asyncio.gather(*(pulang.client.get("/livez") for _ in range(50)))
    waits.set()
    assert {(await one).status_code for one in many} == {200}
    assert asked == 1
    metrics = await pulang.client.get("/metrics")
    assert "pulang_ready 1" in metrics.text


async def test_without_a_limit_nobody_is_told_of_one(tmp_path: Path, migrated_folder: Path) -> None:
    async with limited(tmp_path, migrated_folder, Rate(0, 0), Rate(0, 0)) as pulang:
        answer = await pulang.officer().get(CASES)
        assert (answer.status_code, "ratelimit" in answer.headers) == (200, False)


def test_a_refusal_says_what_the_limit_is() -> None:
    buckets = Buckets("token", Rate(1000, 4000), now=Clock())
    standing = [buckets.take("a") for _ in range(4001)][-1]
    assert standing is not None
    refusal = buckets.refusal(standing)
    assert isinstance(refusal, TooManyRequests)
    assert refusal.sent["RateLimit-Policy"] == '"token";q=4000;w=4'
    assert refusal.to_json()["detail"] == "1000 a second are allowed to one caller"


def _body(size: int, path: str) -> bytes:
    head = b'{"name":"'
    return head + b"x" * (size - len(head) - 2) + b'"}'


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(
    ("path", "most"),
    [("/intake/cases", BODY_BYTES), ("/intake/manifests", 16 * BODY_BYTES), ("/exchange/feed", BODY_BYTES)],
)
async def test_a_body_has_a_most(pulang: Pulang, path: str, most: int, announced: bool) -> None:
    async def sent(size: int) -> int:
        async def parts() -> AsyncIterator[bytes]:
            whole = _body(size, path)
            for start in range(0, size, 2**18):
                yield whole[start : start + 2**18]

        headers = {"content-type": "application/json"}
        content = _body(size, path) if announced else parts()
        return (await pulang.officer()._send("POST", path, content=content, headers=headers)).status_code

    fits, does_not = await sent(most), await sent(most + 1)
    # The feed takes no POST, so that nobody reads what it is sent.
    assert (fits, does_not) == ((405, 405) if path == "/exchange/feed" else (422, 413))
