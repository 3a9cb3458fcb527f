"""Whatever an agency is told, in whatever portions, how often, and with what missing: its copy is what the slow,
obvious reference says."""

import random
import sqlite3

from hypothesis import given, settings
from hypothesis import strategies as st

from pulang.subscriber import ANY, Event, GapFound, HandlerFailed
from tests.subscriber.copying import Copy, Script, hold
from tests.subscriber.reference import Reference
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
    reference = Reference()
    for event in told:
        reference.take(event)
    script, copy, heard = Script(portions(told, one)), Copy(), list[GapFound | HandlerFailed]()
    report = copy.subscriber(script, troubled=heard.append).run(until_idle=0)
    is_as(copy, script, reference)
    assert report.aside == len(reference.aside)
    assert {trouble.event.subject for trouble in heard} >= reference.aside
    assert set(script.asked_for) == {trouble.event.subject for trouble in heard}, "it was looked up first"


@settings(max_examples=100, deadline=None)
@given(dice, st.integers(1, 60))
def test_whatever_handler_fails_the_copy_is_whole_when_it_is_mended(one: random.Random, steps: int) -> None:
    """What fails sets its subject aside, in the middle of any batch; deletions and other subjects go on."""
    telling = Telling()
    telling.play(steps, one)
    told = with_repeats(telling.topic, one)
    fails = {event.id for event in telling.topic if one.random() < 0.1 and not (event.data or {}).get("decisions")}
    copy, script = Copy(), Script(portions(told, one), past=telling.told())

    def sometimes(db: sqlite3.Connection, event: Event) -> None:
        hold(db, event)
        if event.id in fails:
            raise LookupError

    copy.subscriber(script, {ANY: sometimes}).run(until_idle=0)
    assert set(script.acknowledged) == telling.requests() or fails
    whole = Copy()
    whole.subscriber(Script([telling.told()])).run(until_idle=0)
    untouched = {event.subject for event in telling.topic} - {event.subject for event in told if event.id in fails}
    assert all(copy.held.get(subject) == whole.held.get(subject) for subject in untouched)
    gone = set(telling.cases) - set(whole.held)
    assert not gone & set(copy.held), "what is to be deleted is deleted"
    for _ in range(3):  # mended one after the other
        fails = set(sorted(fails)[: len(fails) // 3])
        report = copy.subscriber(script, {ANY: sometimes}).run(until_idle=0)
    assert report.aside == 0
    assert copy.held == whole.held


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
