"""A service's table of reactions, as a consumer: `REACTIONS = {fact: function}`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from shared.consuming.inbox import Consumer
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE, OPERATIONS, Fact
from shared.work import Work

Reaction = Callable[[Work, Event, Any], None]
Reactions = Mapping[type[Fact], Reaction]


class Told(NamedTuple):
    """An event that something is done about."""

    event: Event
    fact: Fact


Gather = Callable[[Work, Sequence[Told]], object]
"""Reads and locks at once what the reactions to a batch's cases will ask the session for, one by one."""


def reacting(service: str, reactions: Reactions, gather: Gather | None = None) -> Consumer:
    """Both topics; an event without a reaction moves its mark and nothing else. A service knows what it tells itself.

    Operations come first, as they came, before what may refer to them. The cases of a batch come in the order of their
    ids, as commands for several of them lock them: a batch that holds some and waits for others would meet such a
    command in a deadlock. Nothing is promised between cases.

    `gather`: a reaction that asks the server by itself makes three trips, and a busy service takes in as few as thirty
    events a second. What it gives is held until the batch ends; what is in the session is asked for no more.
    """
    name = f"{service}.reactions"
    by_type = {fact.TYPE: fact for fact in reactions}

    def apply(work: Work, events: Sequence[Event]) -> None:
        told = [
            Told(event, by_type[event.type].model_validate(event.data or {}))
            for event in events
            if event.type in by_type
        ]
        _react(work, [one for one in told if one.fact.TOPIC != LIFECYCLE])
        of_cases = sorted((one for one in told if one.fact.TOPIC == LIFECYCLE), key=lambda one: one.event.subject)
        held = gather(work, of_cases) if gather is not None and of_cases else None
        _react(work, of_cases)
        del held

    def _react(work: Work, told: Sequence[Told]) -> None:
        for event, fact in told:
            with work.because_of(event, name):
                reactions[type(fact)](work, event, fact)

    return Consumer(name, (LIFECYCLE, OPERATIONS), apply, one_by_one=True, ignores=f"/pulang/{service}", share=0.2)
