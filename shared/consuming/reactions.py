"""A service's table of reactions, as a consumer: `REACTIONS = {fact: function}`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.consuming.inbox import Consumer
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE, OPERATIONS, Fact
from shared.work import Work

Reactions = Mapping[type[Fact], Callable[[Work, Event, Any], None]]


def reacting(service: str, reactions: Reactions) -> Consumer:
    """Both topics; an event without a reaction moves its mark and nothing else. A service hears itself as well."""
    by_type = {fact.TYPE: (fact, reaction) for fact, reaction in reactions.items()}

    def apply(work: Work, events: Sequence[Event]) -> None:
        for event in events:
            if (found := by_type.get(event.type)) is not None:
                fact, reaction = found
                with work.because_of(event):
                    reaction(work, event, fact.model_validate(event.data or {}))

    return Consumer(name=f"{service}.reactions", topics=(LIFECYCLE, OPERATIONS), apply=apply)
