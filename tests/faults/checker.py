"""Judges a run after its faults: acknowledged ⊆ consumed ⊆ attempted, nothing twice, nothing out of order.

Shares no code with Pulang, so that an error there is not repeated here. It is given what the load was told (History),
what stands in the databases (Books) and what the agencies read (Told), and answers with violations.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults import goods, rooms
from tests.faults.books import Books, Logged, takes_in
from tests.faults.history import Effect, History, Operation, Outcome
from tests.faults.violations import Violation

Event = Mapping[str, Any]
Told = Mapping[str, Sequence[Event]]
"""By agency: every event that it read, in the order of its reading, repeats included."""

CONSUMERS = (
    "intake.reactions",
    "shelter.reactions",
    "aid.reactions",
    "psychosocial.reactions",
    "exchange.log",
    "exchange.indicators",
)
"""Each reads both of the services' topics, so each has a mark for every stream but its own service's."""
OPERATIONS = "pulang.operations"
CONSENT = "case.consent_changed"
_TYPE = re.compile(r"pulang\.(.+)\.v\d+")
_NAMED_BY = {
    "stay.checked_in": "stay",
    "stay.checked_out": "stay",
    "aid.issued": "issue",
    "psychosocial.session_recorded": "session",
    "return.planned": "trip",
    "return.departed": "trip",
    "return.arrived": "trip",
}
_NAMED_BY_TIME = {"case.screened", CONSENT, "referral.made", "referral.accepted", "case.closed"}
_NAMED_BY_SUBJECT = {"case.registered", "donation.pledged", "donation.received"}


def check(history: History, books: Books, told: Told) -> list[Violation]:
    """All that is wrong; empty when the promise was kept."""
    events = [logged.event for logged in books.log]
    return [
        *_acknowledged_is_recorded(history, events),
        *_acknowledged_is_told(history, told),
        *_nothing_unasked(history, events, "a service's event log"),
        *(wrong for agency, heard in told.items() for wrong in _nothing_unasked(history, heard, f"{agency}'s topic")),
        *_no_effect_twice(events, "the event logs"),
        *(wrong for agency, heard in told.items() for wrong in _told_once(agency, heard)),
        *_log_is_gapless(books),
        *(wrong for agency, heard in told.items() for wrong in _told_in_order(agency, heard)),
        *(wrong for agency, heard in told.items() for wrong in _told_is_whole(agency, heard, books.log)),
        *_all_has_arrived(books),
        *_marks_are_heads(books),
        *rooms.check(books, events),
        *goods.check(books, events),
    ]


def fact_of(event: Event) -> str:
    """The type without `pulang.` and version."""
    found = _TYPE.fullmatch(event["type"])
    return found[1] if found else event["type"]


def effect_of(event: Event) -> Effect | None:
    """What an operation of the load would call it; None for what follows from operations, and for stubs."""
    fact = fact_of(event)
    if fact in _NAMED_BY:
        return Effect(fact, event["subject"], str(event["data"][_NAMED_BY[fact]]))
    if fact in _NAMED_BY_TIME:
        return Effect(fact, event["subject"], event["time"])
    return Effect(fact, event["subject"]) if fact in _NAMED_BY_SUBJECT else None


def _acknowledged_is_recorded(history: History, events: Sequence[Event]) -> Iterator[Violation]:
    recorded = set(_effects(events))
    for operation in _acknowledged(history):
        for effect in operation.effects:
            if effect not in recorded:
                yield Violation("lost", f"{operation.name} was acknowledged, and no event log has {effect}")


def _acknowledged_is_told(history: History, told: Told) -> Iterator[Violation]:
    """Of cases alone: what an agency sees of operations depends on places, and `_told_is_whole` judges it by ids."""
    followed = _followed(history)
    for agency, heard in told.items():
        consumed = set(_effects(heard))
        for operation in _acknowledged(history):
            for effect in operation.effects:
                # What another agency was told is a stub; so is a refusal in the history of a later grant.
                own = effect.fact != CONSENT or operation.levels.get(agency, "none") != "none"
                if effect.subject in followed[agency] and own and effect not in consumed:
                    yield Violation("untold", f"{operation.name} was acknowledged, and {agency} never read {effect}")


def _nothing_unasked(history: History, events: Sequence[Event], where: str) -> Iterator[Violation]:
    possible = {
        effect
        for operation in history.operations
        if operation.outcome is not Outcome.REFUSED
        for effect in operation.effects
    }
    for effect in set(_effects(events)) - possible:
        yield Violation("unasked", f"{where} has {effect}, which nobody asked for, or which was refused")


def _no_effect_twice(events: Sequence[Event], where: str) -> Iterator[Violation]:
    """Two events of different ids for one operation."""
    makers: dict[Effect, set[tuple[str, str]]] = defaultdict(set)
    for event in events:
        if (effect := effect_of(event)) is not None:
            makers[effect].add(_id(event))
    for effect, ids in makers.items():
        if len(ids) > 1:
            yield Violation("doubled", f"{where}: {effect} by {len(ids)} events")


def _told_once(agency: str, heard: Sequence[Event]) -> Iterator[Violation]:
    for grant in {event.get("grant", 0) for event in heard}:
        part = [event for event in heard if event.get("grant", 0) == grant]
        yield from _no_effect_twice(part, f"{agency}, grant {grant}")


def _log_is_gapless(books: Books) -> Iterator[Violation]:
    """In the order of positions, each stream counts 1, 2, 3 …, up to its head."""
    last: Counter[tuple[str, str]] = Counter()
    for logged in books.log:
        stream = logged.source, logged.event["subject"]
        last[stream] += 1
        if logged.event["streamversion"] != last[stream]:
            yield Violation("disorder", f"log of {stream}: {logged.event['streamversion']} in place of {last[stream]}")
            last[stream] = logged.event["streamversion"]
    for stream in set(last) | set(books.streams):
        if last[stream] != books.streams.get(stream, 0):
            yield Violation("disorder", f"{stream} stands at {books.streams.get(stream, 0)}, its log at {last[stream]}")
    ids = Counter(_id(logged.event) for logged in books.log)
    for doubled in (one for one, times in ids.items() if times > 1):
        yield Violation("doubled", f"the event {doubled} stands twice in the logs")


def _told_in_order(agency: str, heard: Sequence[Event]) -> Iterator[Violation]:
    """On first appearance of each (grant, source, id): versions 1, 2, 3 … per grant and stream.

    The event that ends a grant stands at whatever version, and nothing new comes under that grant afterwards.
    """
    last: Counter[tuple[int, str, str]] = Counter()
    ended: set[tuple[str, int]] = set()
    for event in _first_appearances(heard):
        grant, case = event.get("grant", 0), event["subject"]
        stream = grant, event["source"], case
        if (case, grant) in ended:
            yield Violation("disorder", f"{agency}: {_id(event)} of {case} comes after the end of grant {grant}")
        elif _ends_a_grant(event):
            ended.add((case, grant))
            if event["streamversion"] <= last[stream]:
                yield Violation("disorder", f"{agency}: the end of grant {grant} of {case} comes late")
        elif event["streamversion"] != last[stream] + 1:
            yield Violation(
                "disorder", f"{agency}: {stream} has {event['streamversion']} in place of {last[stream] + 1}"
            )
        last[stream] = max(last[stream], event["streamversion"])
    newest: Counter[str] = Counter()
    for event in _first_appearances(heard):
        grant, case = event.get("grant", 0), event["subject"]
        if grant and grant < newest[case]:
            yield Violation("disorder", f"{agency}: grant {grant} of {case} goes on after {newest[case]} began")
        newest[case] = max(newest[case], grant)


def _told_is_whole(agency: str, heard: Sequence[Event], log: Sequence[Logged]) -> Iterator[Violation]:
    """Every operation; of each case with a live grant every event of every service; the end of every grant that is
    over; and nothing that no log has, or that was never granted."""
    grants = _grants(agency, log)
    known = {_id(logged.event): logged for logged in log}
    got: dict[int, dict[str, set[tuple[str, str]]]] = defaultdict(lambda: defaultdict(set))
    operations: set[tuple[str, str]] = set()
    for event in heard:
        origin = known.get(_id(event))
        if origin is None:
            yield Violation("phantom", f"{agency} read {_id(event)}, which no event log has")
        elif origin.event["streamversion"] != event["streamversion"]:
            yield Violation("phantom", f"{agency} read {_id(event)} under another version")
        elif origin.topic == OPERATIONS:
            operations.add(_id(event))
        else:
            got[event.get("grant", 0)][event["subject"]].add(_id(event))
            if not 1 <= event.get("grant", 0) <= grants.get(event["subject"], NEVER).number:
                yield Violation("foreign", f"{agency} read {_id(event)} of {event['subject']} without a grant")
    for logged in log:
        one, case = _id(logged.event), logged.event["subject"]
        if logged.topic == OPERATIONS:
            if one not in operations:
                yield Violation("untold", f"{agency} never read {one}, {logged.event['type']}")
        elif (grant := grants.get(case, NEVER)).live and one not in got[grant.number][case]:
            yield Violation("untold", f"{agency} never read {one}, {logged.event['type']}, under grant {grant.number}")
    for case, grant in grants.items():
        for number, ending in grant.endings.items():
            if ending not in got[number][case]:
                yield Violation("undeleted", f"{agency} was not told to delete {case}, whose grant {number} ended")


def _all_has_arrived(books: Books) -> Iterator[Violation]:
    for what in ("unpublished", "parked", "unsent"):
        if count := getattr(books, what):
            yield Violation("backlog", f"{count} events are {what}")


def _marks_are_heads(books: Books) -> Iterator[Violation]:
    for consumer in CONSUMERS:
        known = books.marks.get(consumer, {})
        for stream in set(known) | set(books.streams):
            head = books.streams.get(stream, 0) if takes_in(consumer, stream[0]) else 0
            if known.get(stream, 0) != head:
                yield Violation("marks", f"{consumer} stands at {known.get(stream, 0)} of {head} in {stream}")


def check_replicas(answers: Mapping[str, Mapping[str, object]]) -> list[Violation]:
    """`answers`: by question, what each replica says; they must say the same."""
    return [
        Violation("replicas", f"{question}: {sorted(said)} disagree")
        for question, said in answers.items()
        if any(answer != next(iter(said.values())) for answer in said.values())
    ]


@dataclass(slots=True)
class Granted:
    """What the consents of a case gave one agency. `endings`: by number of the grant, the event that ended it."""

    number: int = 0
    live: bool = False
    endings: dict[int, tuple[str, str]] = field(default_factory=dict)


NEVER = Granted()


def _grants(agency: str, log: Sequence[Logged]) -> dict[str, Granted]:
    """By case."""
    grants: dict[str, Granted] = defaultdict(Granted)
    for logged in log:
        if fact_of(logged.event) != CONSENT:
            continue
        for decision in logged.event["data"]["decisions"]:
            if decision["agency"] == agency:
                grant, follows = grants[logged.event["subject"]], decision["level"] != "none"
                if grant.live and not follows:
                    grant.endings[grant.number] = _id(logged.event)
                grant.number += follows and not grant.live
                grant.live = follows
    return dict(grants)


def _followed(history: History) -> dict[str, set[str]]:
    """By agency: cases that it follows for sure, as the load was told.

    A withdrawal that is unknown may be at work still, and take effect after a later consent: then nothing is sure.
    """
    followed: dict[str, set[str]] = defaultdict(set)
    unsure: set[tuple[str, str]] = set()
    for operation in history.operations:
        for agency, level in operation.levels.items():
            case = operation.effects[0].subject
            if level == "none" and operation.outcome is Outcome.ACKNOWLEDGED:
                followed[agency].discard(case)
            elif level == "none" and operation.outcome is not Outcome.REFUSED:
                unsure.add((agency, case))
            elif operation.outcome is Outcome.ACKNOWLEDGED:
                followed[agency].add(case)
    for agency, case in unsure:
        followed[agency].discard(case)
    return followed


def _acknowledged(history: History) -> Iterator[Operation]:
    return (operation for operation in history.operations if operation.outcome is Outcome.ACKNOWLEDGED)


def _effects(events: Iterable[Event]) -> Iterator[Effect]:
    return (effect for event in events if (effect := effect_of(event)) is not None)


def _first_appearances(heard: Iterable[Event]) -> Iterator[Event]:
    seen = set()
    for event in heard:
        one = (event.get("grant", 0), *_id(event))
        if one not in seen:
            seen.add(one)
            yield event


def _ends_a_grant(event: Event) -> bool:
    return fact_of(event) == CONSENT and event.get("data", {}).get("deletion_requested") == "case"


def _id(event: Event) -> tuple[str, str]:
    return event["source"], event["id"]
