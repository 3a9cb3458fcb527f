"""Grants: a raise tells the history, a withdrawal ends it, and the next one starts at version 1 again."""

import random
from collections import defaultdict
from typing import Any

import pytest

from services.exchange.rules import LogEntry, LogFold, Standing
from shared.events.envelope import Event
from shared.events.intake import CaseReopened
from tests.services.exchange.hearing import AGENCIES, DAY, Exchange, Narrator, new_id, types


def versions(events: list[dict[str, Any]]) -> dict[str, list[int]]:
    """By source, in the order in which they came."""
    found = defaultdict(list)
    for event in events:
        found[event["source"]].append(event["streamversion"])
    return dict(found)


async def rows_of(exchange: Exchange) -> dict[str, int]:
    """How long each agency's log is, whatever is shown of it."""
    agencies = (await exchange.get("/exchange/agencies")).json()["items"]
    return {one["agency"]: one["last"] for one in agencies}


async def test_nothing_is_told_before_consent(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.screened(case), narrator.checked_in(case, new_id()))
    assert await exchange.feed("iom") == []


async def test_a_grant_begins_with_the_history_from_version_1(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.screened(case))
    await exchange.hear(narrator.checked_in(case, new_id()))
    await exchange.hear(narrator.consent(case, iom="pseudonymous"))
    await exchange.hear(narrator.session(case))
    told = await exchange.of_case("iom", case)
    assert types(told) == [
        "case.registered",
        "case.screened",
        "stay.checked_in",
        "case.consent_changed",
        "psychosocial.session_recorded",
    ]
    assert {event["grant"] for event in told} == {1}
    assert versions(told) == {"/pulang/intake": [1, 2, 3], "/pulang/shelter": [1], "/pulang/psychosocial": [1]}
    assert await exchange.feed("bp2mi") == []


async def test_history_and_consent_in_one_batch(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(
        narrator.registered(case),
        narrator.consent(case, iom="pseudonymous"),
        narrator.consent(case, iom="none"),
        narrator.screened(case),
        narrator.consent(case, iom="identified"),
    )
    told = await exchange.of_case("iom", case)
    counted = [(event["grant"], event["streamversion"]) for event in told]
    assert counted == [(1, 3), (2, 1), (2, 2), (2, 3), (2, 4), (2, 5)]
    assert await rows_of(exchange) == {"iom": 3 + 5, "bp2mi": 0, "kemensos": 0}


async def test_an_agency_sees_its_own_decision_alone(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous", kemensos="identified"))
    await exchange.hear(narrator.consent(case, kemensos="pseudonymous", bp2mi="none"))
    told = await exchange.of_case("iom", case)
    assert types(told) == ["case.registered", "case.consent_changed", "withheld"]
    assert [one["agency"] for one in told[1]["data"]["decisions"]] == ["iom"]
    lowered = (await exchange.of_case("kemensos", case))[-1]
    assert lowered["data"]["deletion_requested"] == "identity"


async def test_a_withdrawal_is_the_last_that_an_agency_hears(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified", bp2mi="identified"))
    before = await exchange.page("iom")
    assert len(before["events"]) == 2
    await exchange.hear(narrator.consent(case, iom="none"))
    await exchange.hear(narrator.screened(case), narrator.checked_in(case, new_id()))
    after = await exchange.feed("iom", before["next"])
    assert types(after) == ["case.consent_changed"]
    assert after[0]["grant"] == 1
    assert after[0]["data"]["deletion_requested"] == "case"
    assert after[0]["data"]["decisions"][0]["level"] == "none"
    assert len(await exchange.of_case("bp2mi", case)) == 5
    assert await rows_of(exchange) == {"iom": 3, "bp2mi": 5, "kemensos": 0}


async def test_who_reads_from_the_start_learns_of_a_withdrawn_case_only_that_it_has_to_go(
    exchange: Exchange, narrator: Narrator
) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.screened(case), narrator.consent(case, iom="identified"))
    await exchange.hear(narrator.consent(case, iom="none"))
    assert types(await exchange.of_case("iom", case)) == ["case.consent_changed"]


@pytest.mark.either_database
async def test_the_next_grant_tells_the_history_again(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    await exchange.hear(narrator.consent(case, iom="none"), narrator.screened(case))
    await exchange.hear(narrator.consent(case, iom="pseudonymous"))
    told = await exchange.of_case("iom", case)
    assert [event["grant"] for event in told] == [1, 2, 2, 2, 2, 2]
    assert types(told)[1:] == [
        "case.registered",
        "case.consent_changed",
        "withheld",
        "case.screened",
        "case.consent_changed",
    ]
    assert versions(told[1:]) == {"/pulang/intake": [1, 2, 3, 4, 5]}
    assert all("deletion_requested" not in event.get("data", {}) for event in told[1:])


async def test_a_refusal_begins_no_grant_and_is_a_stub_in_the_later_one(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(
        narrator.registered(case), narrator.consent(case, iom="none"), narrator.consent(case, iom="none")
    )
    assert await exchange.feed("iom") == []
    await exchange.hear(narrator.consent(case, iom="identified"))
    told = await exchange.of_case("iom", case)
    assert types(told) == ["case.registered", "withheld", "withheld", "case.consent_changed"]
    assert {event["grant"] for event in told} == {1}


async def test_the_same_consent_again_begins_nothing(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case))
    await exchange.hear(*(narrator.consent(case, iom="identified") for _ in range(3)))
    told = await exchange.of_case("iom", case)
    assert [(event["grant"], event["streamversion"]) for event in told] == [(1, 1), (1, 2), (1, 3), (1, 4)]


async def test_sources_in_any_order_and_every_message_twice(exchange: Exchange, narrator: Narrator) -> None:
    """Within a case the order of each source alone is promised: the history is whole all the same."""
    shuffle = random.Random(7).shuffle  # noqa: S311
    cases = [new_id() for _ in range(25)]
    for case in cases:
        stay = new_id()
        streams = [
            [narrator.registered(case), narrator.screened(case), narrator.consent(case, iom="identified")],
            [narrator.checked_in(case, stay), narrator.checked_out(case, stay, DAY.replace(day=9))],
            [narrator.issued(case)],
            [narrator.session(case), narrator.session(case)],
        ]
        turns = [at for at, stream in enumerate(streams) for _ in stream]
        shuffle(turns)
        told: list[Event] = []
        for turn in turns:
            told.append(streams[turn].pop(0))
        await exchange.publish(*(event for event in told for _ in range(2)))
        await exchange.publish(*told)
    await exchange.settled()
    for case in cases:
        heard = await exchange.of_case("iom", case)
        assert len({event["id"] for event in heard}) == len(heard) == 8
        assert versions(heard) == {
            "/pulang/intake": [1, 2, 3],
            "/pulang/shelter": [1, 2],
            "/pulang/aid": [1],
            "/pulang/psychosocial": [1, 2],
        }


async def test_all_agencies_hear_the_same_lifecycle_in_the_same_order(exchange: Exchange, narrator: Narrator) -> None:
    cases = [new_id() for _ in range(5)]
    for case in cases:
        await exchange.publish(
            narrator.registered(case),
            narrator.checked_in(case, new_id()),
            narrator.consent(case, iom="pseudonymous", bp2mi="identified", kemensos="identified"),
            narrator.issued(case),
        )
    await exchange.settled()
    for case in cases:
        orders = {tuple(event["id"] for event in await exchange.of_case(agency, case)) for agency in AGENCIES}
        assert len(orders) == 1
        assert len(orders.pop()) == 4


async def test_a_type_from_the_future_is_a_stub_in_the_case(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    odd = narrator.tell("intake", case, CaseReopened(), type="pulang.case.inspired.v1", data={"name": "Contoh Nama"})
    await exchange.hear(odd)
    last = (await exchange.of_case("iom", case))[-1]
    assert last["type"] == "pulang.withheld.v1"
    assert "data" not in last


async def test_a_consent_that_cannot_be_read_waits_alone(exchange: Exchange, narrator: Narrator) -> None:
    good, bad = new_id(), new_id()
    broken = narrator.tell("intake", bad, CaseReopened(), type="pulang.case.consent_changed.v1", data={"decisions": 7})
    await exchange.publish(narrator.registered(good), broken, narrator.screened(bad))
    await exchange.publish(narrator.consent(good, iom="identified"))
    page = await exchange.page("iom", wait=20)
    assert types(page["events"]) == ["case.registered", "case.consent_changed"]
    parked = (await exchange.get("/exchange/operations/parked")).json()["items"]
    assert {item["key"] for item in parked if item["consumer"] == "exchange.log"} == {bad}


def test_batches_of_any_size_make_the_same_log(narrator: Narrator) -> None:
    """The fold over all at once, as an agency that joins gets it, against one event at a time."""
    rng = random.Random(3)  # noqa: S311
    cases = [new_id() for _ in range(4)]
    events = []
    for _ in range(200):
        case = rng.choice(cases)
        level = rng.choice(["none", "pseudonymous", "identified"])
        events.append(rng.choice([narrator.screened(case), narrator.consent(case, **{rng.choice(AGENCIES): level})]))
    whole = LogFold(AGENCIES, {})
    for position, event in enumerate(events):
        whole.take(position, event)
    single: list[LogEntry] = []
    standings: dict[tuple[str, str], Standing] = {}
    histories = {case: list[int]() for case in cases}
    for position, event in enumerate(events):
        fold = LogFold(AGENCIES, standings, histories)
        fold.take(position, event)
        single += fold.entries
        standings |= fold.changed
        histories[event.subject].append(position)
    for agency in AGENCIES:
        assert [e for e in whole.entries if e.agency == agency] == [e for e in single if e.agency == agency] != []
