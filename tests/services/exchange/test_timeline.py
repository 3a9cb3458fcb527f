"""A case as it went: causes first, whatever the clocks say; and only what consent allows."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.exchange.timeline import causal_order
from shared.events.envelope import Event
from shared.events.intake import ReturnArrived
from tests.services.exchange.hearing import Exchange, Narrator, new_id, types


async def timeline(exchange: Exchange, case: str, agency: str = "iom") -> dict[str, Any]:
    answer = await exchange.get(f"/exchange/cases/{case}/timeline", agency, "reader")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def at(event: Event, day: int, hour: int = 0) -> Event:
    return event._replace(time=f"2026-11-{day:02d}T{hour:02d}:00:00.000000Z")


async def test_how_long_each_help_took(exchange: Exchange, narrator: Narrator) -> None:
    case, stay = new_id(), new_id()
    home = narrator.tell("intake", case, ReturnArrived(trip=new_id(), regency="35.07"))
    registered = narrator.registered(case)
    await exchange.hear(
        at(registered._replace(streamversion=1), 3, 1),
        narrator.consent(case, iom="identified")._replace(streamversion=2),
        at(narrator.checked_in(case, stay), 3, 3),
        at(narrator.issued(case, item="soap"), 3, 4),
        at(narrator.issued(case), 3, 5),
        at(narrator.session(case), 4, 1),
        at(home._replace(streamversion=3), 7, 1),
        at(narrator.session(case), 5, 1),
    )
    told = await timeline(exchange, case)
    assert {name: one["after_seconds"] // 3600 for name, one in told["milestones"].items()} == {
        "bed": 2,
        "kit": 4,
        "session": 24,
        "home": 96,
    }
    assert list(told["milestones"]) == ["bed", "kit", "session", "home"]
    assert {event["id"] for event in told["events"]} == {event["id"] for event in await exchange.of_case("iom", case)}


async def test_causes_come_first_whatever_the_clocks_say(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    registered, consent = narrator.registered(case), narrator.consent(case, iom="identified")
    early = "2020-01-01T00:00:00.000000Z"
    bed = narrator.checked_in(case, new_id())._replace(recordedtime=early, causationid=consent.id)
    kit = narrator.issued(case)._replace(recordedtime=early, causationid=bed.id)
    await exchange.hear(kit, bed, registered, consent)
    told = await timeline(exchange, case)
    assert types(told["events"]) == ["case.registered", "case.consent_changed", "stay.checked_in", "aid.issued"]


async def test_nothing_without_consent_and_the_request_alone_after_it(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    path = f"/exchange/cases/{case}/timeline"
    assert (await exchange.get(path, "iom", "reader")).status_code == 404
    await exchange.hear(narrator.registered(case), narrator.consent(case, bp2mi="identified"))
    assert (await exchange.get(path, "iom", "reader")).status_code == 404
    await exchange.hear(narrator.consent(case, iom="identified"), narrator.screened(case))
    assert len((await timeline(exchange, case))["events"]) == 4
    await exchange.hear(narrator.consent(case, iom="none"))
    (end,) = (await timeline(exchange, case))["events"]
    assert end["data"]["deletion_requested"] == "case"
    await exchange.hear(narrator.consent(case, iom="pseudonymous"))
    events = (await timeline(exchange, case))["events"]
    assert {event["grant"] for event in events} == {2}
    assert [event["streamversion"] for event in events] == [1, 2, 3, 4, 5, 6]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20), st.none() | st.integers(0, 30)), max_size=25),
    st.randoms(use_true_random=False),
)
def test_any_events_are_ordered_with_causes_and_streams_first(
    said: list[tuple[str, int, int | None]], rng: random.Random
) -> None:
    """Causes lie before their effects in the order in which the events were made up; the clocks say anything."""
    made: list[Event] = []
    versions: dict[str, int] = {}
    for number, (source, clock, cause) in enumerate(said):
        versions[source] = versions.get(source, 0) + 1
        made.append(
            Event(
                id=str(number),
                source=source,
                type="pulang.case.closed.v1",
                subject="case",
                time="2026-11-03T00:00:00.000000Z",
                recordedtime=f"2026-11-03T00:00:{clock:02d}.000000Z",
                streamversion=versions[source],
                causationid=None if cause is None or not number else str(cause % number),
            )
        )
    shuffled = list(made)
    rng.shuffle(shuffled)
    ordered = causal_order(shuffled)
    assert ordered == causal_order(made)
    assert sorted(ordered, key=lambda event: int(event.id)) == made
    place = {event.id: at for at, event in enumerate(ordered)}
    assert all(place[event.causationid] < place[event.id] for event in made if event.causationid)
    for source in versions:
        assert [event.streamversion for event in ordered if event.source == source] == list(
            range(1, versions[source] + 1)
        )


@pytest.mark.parametrize("cause", ["0", "1"])
def test_a_circle_of_causes_loses_nothing(cause: str) -> None:
    one = Event("0", "a", "t", "s", "2026-11-03T00:00:00Z", "2026-11-03T00:00:00Z", 1, causationid="1")
    other = Event("1", "b", "t", "s", "2026-11-03T00:00:00Z", "2026-11-03T00:00:00Z", 1, causationid=cause)
    assert len(causal_order([one, other])) == 2
