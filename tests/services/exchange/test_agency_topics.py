"""Each agency's own topic on the bus: its log, in order, as consent allows when it is sent."""

import orjson

from services.exchange.policy import agency_topic
from shared.events.envelope import Event
from shared.settings import Settings
from tests.services.exchange.hearing import AGENCIES, Exchange, Narrator, listening, new_id


async def test_the_topic_holds_what_the_feed_tells(exchange: Exchange, narrator: Narrator) -> None:
    cases = [new_id() for _ in range(4)]
    await exchange.hear(narrator.opened("RPTC-A", "kemensos"), narrator.opened("TNJ", "bp2mi", kind="arrival_point"))
    for case in cases:
        await exchange.hear(
            narrator.registered(case),
            narrator.consent(case, iom="pseudonymous", bp2mi="identified"),
            narrator.checked_in(case, new_id()),
        )
    for agency in AGENCIES:
        records = await exchange.on_topic(agency)
        by_key: dict[str | None, list[object]] = {}
        for record in records:
            by_key.setdefault(record.key, []).append(orjson.loads(record.value))
        feed = await exchange.feed(agency)
        assert sum(len(events) for events in by_key.values()) == len(feed)
        for key, events in by_key.items():
            assert events == [event for event in feed if event["subject"] == key]
            assert events == [event for event in feed if event["partitionkey"] == key]


async def test_a_record_has_the_time_at_which_it_was_appended(exchange: Exchange, narrator: Narrator) -> None:
    await exchange.hear(narrator.opened("RPTC-A", "kemensos"))
    (record,) = await exchange.on_topic("kemensos")
    event = Event.from_bytes(record.value, record.headers)
    assert record.timestamp_ms > 0
    assert dict(record.headers)["content-type"].startswith(b"application/cloudevents+json")
    assert event.subject == record.key == "RPTC-A"


async def test_a_withdrawal_is_the_last_record_of_its_grant(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    await exchange.hear(narrator.consent(case, iom="none"), narrator.screened(case))
    told = [orjson.loads(record.value) for record in await exchange.on_topic("iom")]
    assert [event["streamversion"] for event in told] == [1, 2, 3]
    assert told[-1]["data"]["deletion_requested"] == "case"


async def test_a_restart_sends_nothing_twice_and_misses_nothing(settings: Settings, narrator: Narrator) -> None:
    async with listening(settings) as exchange:
        await exchange.hear(narrator.opened("RPTC-A", "kemensos"))
        for companion in exchange.service.companions:
            await companion.stop()
        await exchange.publish(narrator.opened("RPTC-B", "kemensos"))
        await exchange.page("iom", wait=5)
    async with listening(settings) as exchange:
        await exchange.hear(narrator.opened("RPTC-C", "kemensos"))
        keys = [record.key for record in await exchange.on_topic("kemensos")]
        assert sorted(str(key) for key in keys) == ["RPTC-A", "RPTC-B", "RPTC-C"]


async def test_the_log_and_the_topic_are_shown_to_an_administrator(exchange: Exchange, narrator: Narrator) -> None:
    await exchange.hear(narrator.opened("RPTC-A", "kemensos"))
    answer = await exchange.get("/exchange/agencies")
    assert [(one["agency"], one["last"], one["sent"]) for one in answer.json()["items"]] == [
        ("bp2mi", 1, 1),
        ("iom", 1, 1),
        ("kemensos", 1, 1),
    ]
    assert (await exchange.get("/exchange/agencies", "iom", "reader")).status_code == 403


def test_an_agencys_topic_has_its_name() -> None:
    assert agency_topic("iom") == "pulang.agency.iom"
