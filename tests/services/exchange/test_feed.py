"""The feed: an agency's log over HTTP, with a cursor and a long poll."""

import asyncio
from typing import Any

import pytest

from services.exchange import feed
from shared.http.pages import to_cursor
from shared.settings import Settings
from tests.services.exchange.hearing import AGENCIES, Exchange, Narrator, listening, new_id, types


async def everything(exchange: Exchange, narrator: Narrator, people: int = 3) -> list[str]:
    """Two shelters, a post, and some people whom every agency may follow."""
    cases = [new_id() for _ in range(people)]
    await exchange.hear(
        narrator.opened("TNJ", "bp2mi", kind="arrival_point"),
        narrator.opened("BTM", "bp2mi", kind="arrival_point", regency="21.71"),
        narrator.opened("RPTC-A", "kemensos"),
        narrator.opened("RPTC-B", "kemensos", regency="31.75"),
    )
    for case in cases:
        await exchange.publish(
            narrator.registered(case),
            narrator.consent(case, iom="pseudonymous", bp2mi="identified", kemensos="identified"),
            narrator.checked_in(case, new_id()),
        )
    await exchange.settled()
    return cases


async def test_pages_of_one_event_tell_the_same_as_one_page(exchange: Exchange, narrator: Narrator) -> None:
    await everything(exchange, narrator)
    whole = await exchange.feed("iom")
    assert len(whole) == 4 + 3 * 3
    assert await exchange.feed("iom", limit=1) == whole
    assert len({(event["source"], event["id"]) for event in whole}) == len(whole)


async def test_the_cursor_stays_where_it_is_while_nothing_is_new(exchange: Exchange, narrator: Narrator) -> None:
    await everything(exchange, narrator)
    page = await exchange.page("iom")
    again = await exchange.page("iom", after=page["next"])
    assert again == {"events": [], "next": page["next"], "more": False, "gapless": True}
    await exchange.hear(narrator.opened("RPTC-C", "kemensos"))
    assert types((await exchange.page("iom", after=page["next"]))["events"]) == ["withheld"]


async def test_an_empty_log_has_a_cursor(exchange: Exchange, narrator: Narrator) -> None:
    page = await exchange.page("iom")
    assert page["events"] == []
    await exchange.hear(narrator.opened("RPTC-A", "kemensos"))
    assert len((await exchange.page("iom", after=page["next"]))["events"]) == 1


async def test_a_cursor_outlives_a_restart(settings: Settings, narrator: Narrator) -> None:
    async with listening(settings) as exchange:
        await everything(exchange, narrator)
        first = await exchange.page("iom", limit=5)
        rest = await exchange.feed("iom", first["next"])
    async with listening(settings) as exchange:
        assert await exchange.feed("iom", first["next"]) == rest


async def test_another_agencys_cursor_is_refused(exchange: Exchange, narrator: Narrator) -> None:
    await everything(exchange, narrator)
    page = await exchange.page("bp2mi", limit=2)
    answer = await exchange.get("/exchange/feed", "iom", "reader", after=page["next"])
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "query.after"


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "é", "../..", "a" * 400])
async def test_a_cursor_that_nobody_gave_out_is_refused(exchange: Exchange, cursor: str) -> None:
    answer = await exchange.get("/exchange/feed", "iom", "reader", after=cursor)
    assert answer.status_code == 422


async def test_a_cursor_of_another_list_is_refused(exchange: Exchange) -> None:
    key = exchange.service.desk.secrets.cursor
    for place in (("cases", "iom", 3), ("feed", 3), ("feed", "iom", "3")):
        answer = await exchange.get("/exchange/feed", "iom", "reader", after=to_cursor(key, *place))
        assert answer.status_code == 422


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"wait": 31}, {"wait": -1}, {"wait": "nan"}])
async def test_impossible_wishes_are_refused(exchange: Exchange, query: dict[str, object]) -> None:
    assert (await exchange.get("/exchange/feed", "iom", "reader", **query)).status_code == 422


async def test_who_may_read(exchange: Exchange) -> None:
    assert (await exchange.get("/exchange/feed", "iom", "integrator")).status_code == 200
    assert (await exchange.get("/exchange/feed", "iom", "shelter_staff")).status_code == 403
    stranger = await exchange.get("/exchange/feed", "police", "reader")
    assert stranger.status_code == 403
    assert stranger.json()["type"] == "/problems/no-policy"


async def test_a_waiting_reader_is_woken_by_what_is_told(
    exchange: Exchange, narrator: Narrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "LOOK_SECONDS", 60)
    cursor = (await exchange.page("iom"))["next"]
    waiting = asyncio.create_task(exchange.page("iom", after=cursor, wait=30))
    asked = asyncio.get_running_loop().time()
    await exchange.hear(narrator.registered(new_id()))  # nothing for this reader
    assert not waiting.done()
    await exchange.hear(narrator.opened("RPTC-A", "kemensos"))
    page = await waiting
    assert types(page["events"]) == ["withheld"]
    assert asyncio.get_running_loop().time() - asked < 20


async def test_readers_who_wait_cost_nothing_while_others_are_told_of(
    exchange: Exchange, narrator: Narrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "LOOK_SECONDS", 60)
    asked: list[str] = []
    read_log = feed.read_log

    def counted(session: Any, directory: Any, agency: str, *rest: Any, **more: Any) -> Any:
        asked.append(agency)
        return read_log(session, directory, agency, *rest, **more)

    monkeypatch.setattr(feed, "read_log", counted)
    cursor, case = (await exchange.page("iom"))["next"], new_id()
    await exchange.hear(narrator.registered(case))
    waiting = [asyncio.create_task(exchange.page("iom", after=cursor, wait=30)) for _ in range(20)]
    async with asyncio.timeout(30):
        while True:
            if len(asked) > 20:
                break
            await asyncio.sleep(0.01)
    asked.clear()
    await exchange.hear(narrator.consent(case, kemensos="identified"))
    for _ in range(5):
        await exchange.hear(narrator.issued(case))
    assert not any(one.done() for one in waiting)
    assert len(asked) <= 20  # the first look may wake each of them once: nobody knows what they had seen
    asked.clear()
    await exchange.hear(narrator.issued(case))
    assert asked == []
    await exchange.hear(narrator.opened("RPTC-A", "kemensos"))
    pages = await asyncio.gather(*waiting)
    assert {types(page["events"])[0] for page in pages} == {"withheld"}
    assert len(asked) == 20


async def test_a_wait_ends(exchange: Exchange) -> None:
    cursor = (await exchange.page("iom"))["next"]
    assert (await exchange.page("iom", after=cursor, wait=0.05))["events"] == []


async def test_who_waits_at_the_end_is_let_go(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "LOOK_SECONDS", 60)
    async with listening(settings) as exchange:
        waiting = asyncio.create_task(exchange.page("iom", wait=30))
        await exchange.page("iom")
        asked = asyncio.get_running_loop().time()
        for companion in exchange.service.companions:
            await companion.stop()
        assert (await waiting)["events"] == []
        assert asyncio.get_running_loop().time() - asked < 10


async def test_rows_that_show_nothing_any_more_are_passed(exchange: Exchange, narrator: Narrator) -> None:
    """The rows of ended grants show nothing: a page never ends among them as if nothing came after."""
    gone = [new_id() for _ in range(3)]
    for case in gone:
        await exchange.publish(narrator.registered(case), narrator.screened(case), narrator.consent(case, iom="none"))
        await exchange.publish(narrator.consent(case, iom="identified"), narrator.issued(case))
    await exchange.settled()
    await exchange.hear(*(narrator.consent(case, iom="none") for case in gone))
    page = await exchange.page("iom", limit=2)
    assert set(types(page["events"])) == {"case.consent_changed"}
    assert types(await exchange.feed("iom", limit=2)) == ["case.consent_changed"] * 3


async def test_places_of_others_are_nowhere_in_clear(exchange: Exchange, narrator: Narrator) -> None:
    await everything(exchange, narrator)
    await exchange.hear(narrator.donation("RPTC-B", donor_agency="iom"), narrator.donation("RPTC-A"))
    run_by = {"bp2mi": {"TNJ", "BTM"}, "kemensos": {"RPTC-A", "RPTC-B"}, "iom": set[str]()}
    for agency in AGENCIES:
        text = (await exchange.get("/exchange/feed", agency, "reader")).text
        for place in set().union(*run_by.values()):
            assert (f'"{place}"' in text) == (place in run_by[agency]), (agency, place)
    told = await exchange.feed("iom")
    stays = [event["data"] for event in told if event["type"] == "pulang.stay.checked_in.v1"]
    assert {stay["facility_province"] for stay in stays} == {"21"}  # TNJ, BTM and RPTC-A share it
    (given,) = [event["data"] for event in told if event["type"] == "pulang.donation.received.v1"]
    assert given["store"].startswith("place-")
    assert "store_province" not in given  # RPTC-B is alone in its province


async def test_opaque_ids_differ_between_agencies_and_stay_the_same(settings: Settings, narrator: Narrator) -> None:
    def seen(events: list[dict[str, object]]) -> set[str]:
        return {str(event["subject"]) for event in events if str(event["subject"]).startswith("place-")}

    async with listening(settings) as exchange:
        await everything(exchange, narrator)
        before = {agency: seen(await exchange.feed(agency)) for agency in AGENCIES}
    async with listening(settings) as exchange:
        after = {agency: seen(await exchange.feed(agency)) for agency in AGENCIES}
    assert before == after
    assert len(before["iom"]) == 4
    assert not before["iom"] & before["bp2mi"]


async def test_operations_have_versions_without_a_gap_for_everyone(exchange: Exchange, narrator: Narrator) -> None:
    await exchange.hear(*(narrator.opened(code, "kemensos") for _ in range(3) for code in ("RPTC-A", "RPTC-B")))
    for agency in AGENCIES:
        events = await exchange.feed(agency)
        assert all("grant" not in event for event in events)
        for subject in {event["subject"] for event in events}:
            assert [event["streamversion"] for event in events if event["subject"] == subject] == [1, 2, 3]
        assert set(types(events)) == ({"facility.opened"} if agency == "kemensos" else {"withheld"})


async def test_a_place_that_changes_hands_is_read_by_who_runs_it_now(exchange: Exchange, narrator: Narrator) -> None:
    await exchange.hear(narrator.opened("RPTC-A", "kemensos"))
    await exchange.hear(narrator.opened("RPTC-A", "iom"))
    assert types(await exchange.feed("iom")) == ["facility.opened"] * 2
    assert types(await exchange.feed("kemensos")) == ["withheld"] * 2


@pytest.mark.parametrize(
    ("asked", "encoding"), [("gzip", "gzip"), ("br, gzip;q=0.5", "gzip"), ("gzip;q=0", None), ("identity", None)]
)
async def test_a_page_is_sent_as_its_reader_can_take_it(
    exchange: Exchange, narrator: Narrator, asked: str, encoding: str | None
) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"), narrator.screened(case))
    await exchange.hear(*(narrator.issued(case) for _ in range(5)))
    answer = await exchange.send("GET", "/exchange/feed", agency="iom", role="reader", accept_encoding=asked)
    assert answer.headers.get("content-encoding") == encoding
    assert len(answer.json()["events"]) == 8
