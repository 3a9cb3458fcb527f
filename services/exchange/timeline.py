"""A case as it went: the events of all services in causal order, and how long each help took. Pure."""

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from shared.events.aid import AidIssued
from shared.events.envelope import Event
from shared.events.intake import CaseRegistered, ReturnArrived
from shared.events.psychosocial import SessionRecorded
from shared.events.shelter import StayCheckedIn

KIT = "hygiene kit"


@dataclass(frozen=True, slots=True)
class Milestone:
    """When something was reached first, and how long after the registration; known to the day where it was told so."""

    at: datetime
    after_seconds: int


def causal_order(events: Sequence[Event]) -> list[Event]:
    """What caused something before it, each stream in its own order, else as it was recorded.

    An order of times alone would not do: clocks differ, and much is entered late.
    """
    events = sorted(events, key=_recorded)
    place = {event.id: at for at, event in enumerate(events)}
    before: dict[int, set[int]] = defaultdict(set)
    streams: dict[str, list[int]] = defaultdict(list)
    for at, event in enumerate(events):
        streams[event.source].append(at)
        cause = place.get(event.causationid or "")
        if cause is not None and cause != at:
            before[at].add(cause)
    for stream in streams.values():
        stream.sort(key=lambda at: events[at].streamversion)
        for earlier, later in pairwise(stream):
            before[later].add(earlier)
    return [events[at] for at in _sorted(len(events), before)]


def _recorded(event: Event) -> tuple[str, str, int]:
    return event.recordedtime, event.source, event.streamversion


def _sorted(count: int, before: dict[int, set[int]]) -> list[int]:
    """Topological, the lowest number first among those that may come. A circle, which no honest publisher makes, is
    entered at its lowest."""
    waits = {at: set(before.get(at, ())) for at in range(count)}
    after: dict[int, list[int]] = defaultdict(list)
    for at, causes in waits.items():
        for cause in causes:
            after[cause].append(at)
    ready = [at for at, causes in waits.items() if not causes]
    heapq.heapify(ready)
    order: list[int] = []
    left = set(waits)
    while left:
        at = heapq.heappop(ready) if ready else min(left)
        if at not in left:
            continue
        left.discard(at)
        order.append(at)
        for later in after[at]:
            waits[later].discard(at)
            if not waits[later] and later in left:
                heapq.heappush(ready, later)
    return order


def milestones(events: Sequence[Event]) -> dict[str, Milestone]:
    """The first bed, kit, session and the arrival at home, as far as the events tell of them."""
    first: dict[str, datetime] = {}
    for event in events:
        name = _reached(event)
        if name is not None:
            at = datetime.fromisoformat(event.time)
            first[name] = min(at, first.get(name, at))
    began = first.pop("registered", None)
    if began is None:
        return {}
    return {
        name: Milestone(at, max(0, int((at - began).total_seconds())))
        for name, at in sorted(first.items(), key=lambda one: one[1])
    }


def _reached(event: Event) -> str | None:
    match event.type:
        case CaseRegistered.TYPE:
            return "registered"
        case StayCheckedIn.TYPE:
            return "bed"
        case SessionRecorded.TYPE:
            return "session"
        case ReturnArrived.TYPE:
            return "home"
        case AidIssued.TYPE if (event.data or {}).get("item") == KIT:
            return "kit"
    return None
