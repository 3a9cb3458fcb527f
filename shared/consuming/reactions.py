"""A service's tables of reactions, as a consumer: `REACTIONS = {fact: function}`, `TOGETHER = {facts: function}`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from shared.consuming.inbox import Consumer
from shared.events.envelope import Event
from shared.events.exchange import AgencyJoined, AgencyLeft
from shared.events.fact import LIFECYCLE, OPERATIONS, Fact
from shared.security.membership import note_joined, note_left
from shared.work import Work

Reactions = Mapping[type[Fact], Callable[[Work, Event, Any], None]]

MEMBERSHIP: Reactions = {AgencyJoined: note_joined, AgencyLeft: note_left}
"""What every service does about the agencies of the exchange."""


class Told(NamedTuple):
    """An event that something is done about."""

    event: Event
    fact: Any
    """The `Fact` that it tells."""


Together = Mapping[tuple[type[Fact], ...], Callable[[Work, Sequence[Told]], None]]
"""Facts about cases that are only noted down, and so all at once: everything of these kinds that a batch tells, case by
case, within a case as it came. Nothing may be recorded there: it would have no cause."""
Gather = Callable[[Work, Sequence[Told]], object]
"""Reads and locks at once what the reactions to a batch's cases will ask the session for, one by one."""


def reacting(
    service: str, reactions: Reactions, *, together: Together | None = None, gather: Gather | None = None
) -> Consumer:
    """Both topics; an event without a reaction moves its mark and nothing else. A service knows what it tells itself.

    Operations come first, as they came, before what may refer to them. The cases of a batch come in the order of their
    ids, as commands for several of them lock them: a batch that holds some and waits for others would meet such a
    command in a deadlock. Nothing is promised between cases.

    A reaction that asks the server by itself makes three trips, and a busy service takes in as few as thirty events a
    second. So what can be noted for a whole batch is (`together`), and what the others ask for is read before them:
    what `gather` gives is held until the batch ends, and what is in the session is asked for no more.
    """
    name = f"{service}.reactions"
    reactions = {**MEMBERSHIP, **reactions}
    notes = together or {}
    by_type = {fact.TYPE: fact for fact in (*reactions, *(fact for kinds in notes for fact in kinds))}

    def apply(work: Work, events: Sequence[Event]) -> None:
        told = [
            Told(event, by_type[event.type].model_validate(event.data or {}))
            for event in events
            if event.type in by_type
        ]
        _react(work, [one for one in told if one.fact.TOPIC != LIFECYCLE])
        of_cases = sorted((one for one in told if one.fact.TOPIC == LIFECYCLE), key=lambda one: one.event.subject)
        for kinds, note in notes.items():
            if noted := [one for one in of_cases if type(one.fact) in kinds]:
                with work.taking_in([one.event for one in noted], name):
                    note(work, noted)
        singly = [one for one in of_cases if type(one.fact) in reactions]
        held = gather(work, singly) if gather is not None and singly else None
        _react(work, singly)
        del held

    def _react(work: Work, told: Sequence[Told]) -> None:
        for event, fact in told:
            with work.because_of(event, name):
                reactions[type(fact)](work, event, fact)

    return Consumer(name, (LIFECYCLE, OPERATIONS), apply, tells_spans=True, ignores=f"/pulang/{service}", share=0.2)
