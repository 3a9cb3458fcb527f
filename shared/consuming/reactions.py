"""A service's table of reactions, as a consumer: `REACTIONS = {fact: function}`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.consuming.inbox import Consumer
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE, OPERATIONS, Fact
from shared.work import Work

Reactions = Mapping[type[Fact], Callable[[Work, Event, Any], None]]


def reacting(service: str, reactions: Reactions) -> Consumer:
    """Both topics; an event without a reaction moves its mark and nothing else. A service knows what it tells itself.

    The cases of a batch come in the order of their ids, as commands for several of them lock them: a batch that holds
    some and waits for others would meet such a command in a deadlock. Nothing is promised between cases.
    """
    name = f"{service}.reactions"
    by_type = {fact.TYPE: (fact, reaction) for fact, reaction in reactions.items()}

    def apply(work: Work, events: Sequence[Event]) -> None:
        for event in sorted(events, key=_turn):
            if (found := by_type.get(event.type)) is not None:
                fact, reaction = found
                with work.because_of(event, name):
                    reaction(work, event, fact.model_validate(event.data or {}))

    def _turn(event: Event) -> str:
        """Operations as they came, before what may refer to them; then case by case."""
        found = by_type.get(event.type)
        return event.subject if found is not None and found[0].TOPIC == LIFECYCLE else ""

    return Consumer(name, (LIFECYCLE, OPERATIONS), apply, one_by_one=True, ignores=f"/pulang/{service}", share=0.2)
