"""Erasure: whoever ever had a grant is told, as the last thing of the case, and nobody gets anything else of it."""

import random
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.exchange.rules import LogEntry, LogFold, Standing
from shared.events.envelope import Event
from shared.events.intake import CaseErased
from shared.settings import Settings
from tests.services.exchange.hearing import AGENCIES, DAY, Exchange, Narrator, listening, new_id, types
from tests.services.exchange.test_agencies import OFFICE, join
from tests.services.exchange.test_topics_anew import made_anew
from tests.stores import Chosen


def erased(narrator: Narrator, case: str) -> Event:
    return narrator.tell("intake", case, CaseErased())


def assert_only_the_erasure(events: list[dict[str, Any]]) -> None:
    """No grant, no data, nothing else of the case."""
    assert types(events) == ["case.erased"]
    assert "grant" not in events[0]
    assert events[0].get("data", {}) == {}


@pytest.mark.either_database
async def test_a_live_grant_ends_with_the_erasure_alone(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.screened(case), narrator.consent(case, iom="identified"))
    before = await exchange.page("iom")
    assert len(before["events"]) == 3
    await exchange.hear(erased(narrator, case))
    assert_only_the_erasure(await exchange.feed("iom", before["next"]))
    assert_only_the_erasure(await exchange.of_case("iom", case))
    for agency in ("bp2mi", "kemensos"):
        assert await exchange.of_case(agency, case) == []


async def test_what_others_say_of_the_case_afterwards_goes_to_nobody(exchange: Exchange, narrator: Narrator) -> None:
    case, stay = new_id(), new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified", bp2mi="pseudonymous"))
    await exchange.hear(narrator.checked_in(case, stay), erased(narrator, case))
    cursor = (await exchange.page("iom", limit=500))["next"]
    await exchange.hear(narrator.checked_out(case, stay, DAY.replace(day=9)), narrator.session(case))
    assert await exchange.feed("iom", cursor) == []
    for agency in ("iom", "bp2mi"):
        assert_only_the_erasure(await exchange.of_case(agency, case))


async def test_withdrawn_and_then_erased_the_request_of_the_withdrawal_is_gone_too(
    exchange: Exchange, narrator: Narrator
) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    await exchange.hear(narrator.consent(case, iom="none"))
    assert types(await exchange.of_case("iom", case)) == ["case.consent_changed"]
    await exchange.hear(erased(narrator, case))
    assert_only_the_erasure(await exchange.of_case("iom", case))


async def test_without_any_grant_nobody_is_told(exchange: Exchange, narrator: Narrator) -> None:
    never, refused = new_id(), new_id()
    await exchange.hear(narrator.registered(never), erased(narrator, never))
    await exchange.hear(narrator.registered(refused), narrator.consent(refused, iom="none"), erased(narrator, refused))
    for agency in AGENCIES:
        assert await exchange.feed(agency) == []


async def test_all_of_it_in_one_batch(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(
        narrator.registered(case),
        narrator.consent(case, iom="identified"),
        narrator.consent(case, iom="none"),
        narrator.consent(case, iom="pseudonymous"),
        erased(narrator, case),
        narrator.checked_in(case, new_id()),
    )
    assert_only_the_erasure(await exchange.of_case("iom", case))


async def test_a_topic_that_is_made_anew_holds_of_the_case_only_that(settings: Settings, narrator: Narrator) -> None:
    gone, staying = new_id(), new_id()
    async with listening(settings) as exchange:
        for case in (gone, staying):
            await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
        sent = [orjson.loads(record.value) for record in await exchange.on_topic("iom")]
        assert types([event for event in sent if event["subject"] == gone]) == [
            "case.registered",
            "case.consent_changed",
        ]
        await exchange.hear(erased(narrator, gone))
        sent = [orjson.loads(record.value) for record in await exchange.on_topic("iom")]
        assert_only_the_erasure([event for event in sent if event["subject"] == gone][2:])
        await made_anew(exchange, "iom")
    settings.bus.unlink()
    async with listening(settings) as exchange:
        await exchange.settled()
        again = [orjson.loads(record.value) for record in await exchange.on_topic("iom")]
    assert_only_the_erasure([event for event in again if event["subject"] == gone])
    assert len([event for event in again if event["subject"] == staying]) == 2


async def test_who_joins_later_is_told_of_no_case_that_was_not_opened_to_them(
    exchange: Exchange, narrator: Narrator
) -> None:
    case, other = new_id(), new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, kemensos="identified"))
    await exchange.hear(narrator.registered(other), narrator.consent(other, dinsos="identified"))
    await exchange.hear(erased(narrator, case), erased(narrator, other), narrator.opened("TNJ", "bp2mi"))
    assert (await join(exchange)).status_code == 200
    await exchange.hear(narrator.opened("RPTC-A", "kemensos"))
    assert await exchange.of_case("dinsos", case) == []
    # Consent named them before they came: as if they had been there, they had a grant.
    assert_only_the_erasure(await exchange.of_case("dinsos", other))


async def test_an_agency_that_was_away_when_it_happened_is_told_when_it_comes_back(
    exchange: Exchange, narrator: Narrator
) -> None:
    case = new_id()
    await join(exchange)
    await exchange.hear(narrator.registered(case), narrator.consent(case, dinsos="identified"))
    assert len(await exchange.of_case("dinsos", case)) == 2
    await exchange.send("DELETE", "/exchange/agencies/dinsos", if_match='"1"')
    await exchange.hear(erased(narrator, case))
    await exchange.send("PUT", "/exchange/agencies/dinsos", OFFICE, if_match='"2"')
    assert_only_the_erasure(await exchange.of_case("dinsos", case))


async def test_each_agency_says_that_it_has_deleted(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    gone = [narrator.registered(case), narrator.consent(case, iom="identified", bp2mi="identified")]
    gone += [narrator.consent(case, bp2mi="none"), erased(narrator, case)]
    await exchange.hear(*gone)
    open_ = (await exchange.get("/exchange/consent-requests", role="auditor", state="open")).json()["items"]
    assert sorted((one["agency"], one["asks"]) for one in open_) == [
        ("bp2mi", "case"),
        ("bp2mi", "erasure"),
        ("iom", "erasure"),
    ]
    for agency in ("bp2mi", "iom"):
        said = await exchange.send("POST", "/exchange/acknowledgements", {"event": gone[-1].id}, agency, "integrator")
        assert said.status_code == 201, said.text
    assert (await exchange.get("/exchange/consent-requests", role="auditor", state="open")).json()["items"] == []


@pytest.mark.either_database
async def test_the_indicators_count_the_case_and_no_consent_of_it(exchange: Exchange, narrator: Narrator) -> None:
    cases = [new_id() for _ in range(3)]
    for case in cases:
        await exchange.hear(
            narrator.registered(case), narrator.screened(case), narrator.consent(case, iom="identified")
        )
    period = {"from": "2026-11-01", "until": "2026-11-30"}
    before = (await exchange.get("/exchange/indicators", **period)).json()
    assert before["identity_consent"] == {"iom": 3}
    at_once = new_id()
    await exchange.hear(
        erased(narrator, cases[0]),
        narrator.registered(at_once),
        narrator.consent(at_once, iom="identified"),
        erased(narrator, at_once),
    )
    after = (await exchange.get("/exchange/indicators", **period)).json()
    assert after.pop("identity_consent") == {"iom": 2}
    assert after["cases"] == before["cases"] + 1
    assert after["by_trafficking_status"] == before["by_trafficking_status"]


@pytest.mark.on_sqlite
@pytest.mark.parametrize("seed", range(4))
async def test_the_indicators_rows_are_the_same_whatever_came_together(
    settings: Settings, narrator: Narrator, seed: int, tmp_path: Path
) -> None:
    rng = random.Random(seed)  # noqa: S311
    cases = [new_id() for _ in range(4)]
    events = [*(narrator.registered(case) for case in cases), *story(narrator, cases, rng, 25)]
    counted = []
    for number, size in enumerate((len(events), 1)):
        folder = Settings(tmp_path / str(number))
        shutil.copytree(settings.data, folder.data)
        async with listening(folder) as exchange:
            for start in range(0, len(events), size):
                await exchange.hear(*events[start : start + size])
        query = (
            "SELECT dimension, measure, value, day, place, number FROM day_counts WHERE number <> 0 "
            "ORDER BY dimension, measure, value, day, place"
        )
        counted.append(Chosen.databases.rows(folder, "exchange", query))
    assert counted[0] == counted[1] != []


def story(narrator: Narrator, cases: list[str], rng: random.Random, length: int) -> list[Event]:
    """Consents, other events and erasures in any order; after an erasure other services may still speak."""
    events, gone = [], set[str]()
    for _ in range(length):
        case = rng.choice(cases)
        turn = rng.random()
        if turn < 0.05 and case not in gone:
            gone.add(case)
            events.append(erased(narrator, case))
        elif turn < 0.5 and case not in gone:
            level = rng.choice(["none", "pseudonymous", "identified"])
            events.append(narrator.consent(case, **{rng.choice(AGENCIES): level}))
        else:
            events.append(narrator.session(case))
    return events


@pytest.mark.parametrize("seed", range(5))
def test_batches_of_any_size_make_the_same_log(narrator: Narrator, seed: int) -> None:
    """The fold over all at once, as an agency that joins gets it, against one event at a time; and against what is
    simply so: each agency that ever rose above none is told once, and no row of the case stands behind it."""
    rng = random.Random(seed)  # noqa: S311
    cases = [new_id() for _ in range(8)]
    events = story(narrator, cases, rng, 300)
    whole = LogFold(AGENCIES, {})
    single: list[LogEntry] = []
    standings: dict[tuple[str, str], Standing] = {}
    histories = {case: list[int]() for case in cases}
    for position, event in enumerate(events):
        whole.take(position, event)
        fold = LogFold(AGENCIES, standings, histories)
        fold.take(position, event)
        single += fold.entries
        standings |= fold.changed
        histories[event.subject].append(position)
    for agency in AGENCIES:
        mine = [entry for entry in whole.entries if entry.agency == agency]
        assert mine == [entry for entry in single if entry.agency == agency] != []
        for case in cases:
            rows = [entry for entry in mine if events[entry.event].subject == case]
            told = [entry for entry in rows if events[entry.event].type == CaseErased.TYPE]
            was_erased = any(event.type == CaseErased.TYPE and event.subject == case for event in events)
            assert len(told) == (1 if was_erased and len(rows) > len(told) else 0)
            if told:
                assert rows[-1] == told[0]
                assert told[0].grant == 0


@pytest.mark.parametrize("seed", range(3))
async def test_every_copy_at_any_time_is_what_it_may_be(exchange: Exchange, narrator: Narrator, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    cases = [new_id() for _ in range(6)]
    events = [*(narrator.registered(case) for case in cases), *story(narrator, cases, rng, 60)]
    had = {(case, agency): False for case in cases for agency in AGENCIES}
    gone: set[str] = set()
    for start in range(0, len(events), 22):
        batch = events[start : start + 22]
        await exchange.hear(*(event for event in batch for _ in range(2)))
        for event in batch:
            if event.type == CaseErased.TYPE:
                gone.add(event.subject)
            for decision in (event.data or {}).get("decisions", ()):
                had[event.subject, decision["agency"]] |= decision["level"] != "none"
        for agency in AGENCIES:
            feed = await exchange.feed(agency)
            for case in gone:
                of_case = [event for event in feed if event["subject"] == case]
                if had[case, agency]:
                    assert_only_the_erasure(of_case)
                else:
                    assert of_case == []
