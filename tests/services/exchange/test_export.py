"""An agency takes its log as a file; each page of it is disclosed when it is sent."""

import gzip
from typing import Any

import orjson
import pytest

from services.exchange.feed import Feed
from services.exchange.routes import export as route
from tests.services.exchange.hearing import Exchange, Narrator, new_id, types


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.exchange.export.AT_ONCE", 4)
    monkeypatch.setattr(route, "AT_ONCE", 4)


async def exported(exchange: Exchange, **query: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The events, and the lines that say where to go on."""
    answer = await exchange.call("GET", "/exchange/export", "iom", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    said = [orjson.loads(line) for line in answer.text.splitlines()]
    return [one for one in said if "next" not in one], [one for one in said if "next" in one]


async def lived(exchange: Exchange, narrator: Narrator) -> str:
    case = new_id()
    await exchange.hear(
        narrator.registered(case), narrator.consent(case, iom="identified"), *(narrator.issued(case) for _ in range(9))
    )
    return case


async def test_an_export_is_the_feed_as_it_stands(exchange: Exchange, narrator: Narrator, small_pages: None) -> None:
    await lived(exchange, narrator)
    events, marks = await exported(exchange)
    assert events == await exchange.feed("iom")
    assert [mark.get("end", False) for mark in marks] == [False, False, True]
    assert await exported(exchange, after=marks[-1]["next"]) == ([], [marks[-1]])
    rest, _ = await exported(exchange, after=marks[0]["next"])
    assert rest == events[4:]
    await exchange.hear(narrator.opened("RPTC-A", "kemensos"))
    assert types(await exchange.feed("iom", marks[-1]["next"])) == ["withheld"]


async def test_an_export_is_chosen_from_as_the_feed(exchange: Exchange, narrator: Narrator) -> None:
    case, _ = await lived(exchange, narrator), await lived(exchange, narrator)
    events, _ = await exported(exchange, subject=case, types="pulang.case.registered.v1")
    assert types(events) == ["case.registered"]
    assert events[0]["subject"] == case


async def test_it_is_packed_for_who_can_unpack_it(exchange: Exchange, narrator: Narrator, small_pages: None) -> None:
    await lived(exchange, narrator)
    plain = await exchange.call("GET", "/exchange/export", "iom", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    packed = await exchange.call("GET", "/exchange/export", "iom", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert gzip.decompress(gzip.compress(plain.content)) == plain.content


async def test_consent_that_ends_in_the_middle_ends_it_there(
    exchange: Exchange, narrator: Narrator, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await lived(exchange, narrator)
    feed, read = exchange.service.companion(Feed), Feed.page

    async def page(self: Feed, agency: str, after: int, *rest: Any) -> Any:
        if after == 4:  # the first page was sent
            await exchange.hear(narrator.consent(case, iom="none"))
        return await read(self, agency, after, *rest)

    monkeypatch.setattr(Feed, "page", page)
    events, marks = await exported(exchange)
    assert len(events) == 4
    assert marks[-1]["end"] is True
    (asks,) = await exchange.feed("iom", marks[-1]["next"])
    assert asks["data"]["deletion_requested"] == "case"
    assert feed.stopping is False


async def test_an_agency_that_leaves_in_the_middle_gets_no_more(
    exchange: Exchange, narrator: Narrator, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(exchange, narrator)
    read = Feed.page

    async def page(self: Feed, agency: str, after: int, *rest: Any) -> Any:
        if after == 4:
            left = await exchange.send("DELETE", "/exchange/agencies/iom", if_match='"1"')
            assert left.status_code == 200, left.text
        return await read(self, agency, after, *rest)

    monkeypatch.setattr(Feed, "page", page)
    events, marks = await exported(exchange)
    assert len(events) == 4
    assert not any("end" in mark for mark in marks)
    assert (await exchange.call("GET", "/exchange/export", "iom")).status_code == 403
