"""Whatever an agency is told, in whatever portions, how often, and with what missing: its copy is what the slow,
obvious reference says."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulang.subscriber import Event, GapFound
from tests.subscriber.copying import Copy, Script
from tests.subscriber.reference import Missing, Reference
from tests.subscriber.telling import Telling

dice = st.randoms(use_true_random=False)


def portions(events: list[Event], one: random.Random) -> list[list[Event]]:
    found, rest = [], list(events)
    while rest:
        size = one.randint(1, 8)
        found.append(rest[:size])
        rest = rest[size:]
    return found


def with_repeats(events: list[Event], one: random.Random) -> list[Event]:
    """As a relay that wakes late sends its buffer again, or a feed tells again after a restore: whole stretches."""
    told = list(events)
    for _ in range(one.randint(0, 4)):
        if told:
            start = one.randrange(len(told))
            at = one.randint(start, len(told))
            told[at:at] = told[start : start + one.randint(1, 12)][: max(at - start, 1)]
    return told


def is_as(copy: Copy, script: Script, reference: Reference) -> None:
    assert copy.held == reference.held
    assert copy.deleted("identity") == reference.identities_deleted
    assert set(script.acknowledged) == reference.acknowledged
    assert copy.owed == []


@settings(max_examples=200, deadline=None)
@given(dice, st.integers(0, 60))
def test_the_topic_with_repeats_is_taken_once_and_in_order(one: random.Random, steps: int) -> None:
    telling = Telling()
    telling.play(steps, one)
    told = with_repeats(telling.topic, one)
    reference = Reference()
    for event in told:
        reference.take(event)
    script, copy = Script(portions(told, one)), Copy()
    report = copy.subscriber(script).run(until_idle=0)
    is_as(copy, script, reference)
    assert report.taken + report.dropped == len(told)
    assert script.asked_for == [], "nothing was missing"


@settings(max_examples=100, deadline=None)
@given(dice, st.integers(0, 60))
def test_the_feed_read_while_things_happen_ends_as_the_feed_read_at_once(one: random.Random, steps: int) -> None:
    """What a row shows changes between two pages; at the end each copy holds what may be held now."""
    telling, told, after = Telling(), [], 0
    for _ in range(steps):
        telling.play(1, one)
        if one.random() < 0.5:
            limit = one.randint(1, 6)
            told += telling.told(after, limit)
            after = min(len(telling.log), after + limit)
            if one.random() < 0.1:
                after = one.randint(0, after)  # a cursor of before
    told += telling.told(after)
    script, copy = Script(portions(told, one), past=telling.told()), Copy()
    copy.subscriber(script).run(until_idle=0)
    at_once, whole = Copy(), Script([telling.told()])
    at_once.subscriber(whole).run(until_idle=0)
    assert copy.held == at_once.held
    now = {c for c, case in telling.cases.items() if case.level != "none"}
    assert {subject for subject in copy.held if not subject.startswith("PLACE")} == now
    assert set(whole.acknowledged) <= set(script.acknowledged) <= telling.requests()


@settings(max_examples=200, deadline=None)
@given(dice, st.integers(1, 60))
def test_what_is_missing_is_noticed_exactly_where_the_reference_notices_it(one: random.Random, steps: int) -> None:
    telling = Telling()
    telling.play(steps, one)
    told = [event for event in telling.topic if one.random() < 0.9 or (event.data or {}).get("deletion_requested")]
    reference, missing = Reference(), None
    for event in told:
        try:
            reference.take(event)
        except Missing:
            missing = event
            break
    script, copy = Script(portions(told, one)), Copy()
    if missing is None:
        copy.subscriber(script).run(until_idle=0)
        assert script.asked_for == []
    else:
        with pytest.raises(GapFound) as found:
            copy.subscriber(script).run(until_idle=0)
        assert found.value.event == missing
        assert script.asked_for == [missing.subject], "it was looked up first"
    assert copy.held == reference.held, "nothing behind it, and all before it"


@settings(max_examples=100, deadline=None)
@given(dice, st.integers(1, 60))
def test_what_is_missing_in_the_topic_is_looked_up_in_the_feed(one: random.Random, steps: int) -> None:
    """A version is missed when a later one of its stream comes: so it is of those whose last events were heard."""
    telling = Telling()
    telling.play(steps, one)
    told = [event for event in telling.topic if one.random() < 0.8]
    script, copy = Script(portions(told, one), past=telling.told()), Copy()
    copy.subscriber(script).run(until_idle=0)
    whole = Copy()
    whole.subscriber(Script([telling.told()])).run(until_idle=0)
    lasts = {(event.subject, event.source): event for event in telling.topic}
    unheard = {subject for (subject, _), last in lasts.items() if last not in told}
    for subject in {subject for subject, _ in lasts} - unheard:
        assert sorted(copy.held.get(subject, []), key=str) == sorted(whole.held.get(subject, []), key=str)


@settings(max_examples=100, deadline=None)
@given(dice, st.integers(1, 60))
def test_a_filtered_subscription_takes_what_comes_and_looks_for_no_gap(one: random.Random, steps: int) -> None:
    telling = Telling()
    telling.play(steps, one)
    types = {"pulang.case.screened.v1", "pulang.case.erased.v1"}
    asked = with_repeats([e for e in telling.topic if e.type in types or (e.data or {}).get("deletion_requested")], one)
    reference = Reference(gapless=False)
    for event in asked:
        reference.take(event)
    script, copy = Script(portions(asked, one), gapless=False), Copy()
    subscriber = copy.subscriber(script)
    assert not subscriber.finds_gaps
    subscriber.run(until_idle=0)
    is_as(copy, script, reference)
