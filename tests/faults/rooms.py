"""The checker's rules about stays: no bed with two people, and state as the events tell it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from tests.faults.books import Books, Nights
from tests.faults.violations import Violation

CAME, LEFT = "pulang.stay.checked_in.v1", "pulang.stay.checked_out.v1"


def check(books: Books, events: Sequence[Mapping[str, Any]]) -> Iterator[Violation]:
    """From the shelter's tables, from events alone, and each against the other."""
    yield from _overlaps(books.nights, "bed")
    yield from _overlaps(books.nights, "case")
    came = {event["data"]["stay"]: event for event in events if event["type"] == CAME}
    left = {event["data"]["stay"]: event for event in events if event["type"] == LEFT}
    yield from _no_more_people_than_beds(books.beds, came, left)
    yield from _stays_are_told(books, came, left)
    registered = {event["subject"] for event in events if event["type"] == "pulang.case.registered.v1"}
    for case in registered ^ books.cases:
        yield Violation("commit", f"case {case}: state without event, or event without state")
    held = {event["data"]["session"] for event in events if event["type"] == "pulang.psychosocial.session_recorded.v1"}
    for session in held ^ books.sessions:
        yield Violation("commit", f"session {session}: state without event, or event without state")
    counted = {"cases": len(registered), "stays": len(came), "sessions": len(held)}
    for what, count in counted.items():
        if books.indicators.get(what) != count:
            yield Violation("projection", f"{books.indicators.get(what)} {what} in the indicators, {count} in events")


def _overlaps(nights: Sequence[Nights], of: str) -> Iterator[Violation]:
    """Two stays that share a night in one bed, or of one person."""
    by_name: dict[str, list[Nights]] = defaultdict(list)
    for one in nights:
        by_name[getattr(one, of)].append(one)
    for name, taken in by_name.items():
        taken.sort(key=lambda one: one.first)
        for at, earlier in enumerate(taken):
            for later in taken[at + 1 :]:
                if earlier.until is None or later.first < earlier.until:
                    yield Violation("beds", f"{of} {name}: stays {earlier.stay} and {later.stay} share a night")


def _no_more_people_than_beds(
    beds: int, came: Mapping[str, Mapping[str, Any]], left: Mapping[str, Mapping[str, Any]]
) -> Iterator[Violation]:
    """What anyone can see who has the events alone: they name no bed."""
    changes: dict[date, int] = defaultdict(int)
    for stay, event in came.items():
        changes[date.fromisoformat(event["data"]["on"])] += 1
        if stay in left:
            changes[date.fromisoformat(left[stay]["data"]["on"])] -= 1
    taken = 0
    for night in sorted(changes):
        taken += changes[night]
        if taken > beds:
            yield Violation("beds", f"{taken} people in {beds} beds on {night}")


def _stays_are_told(
    books: Books, came: Mapping[str, Mapping[str, Any]], left: Mapping[str, Mapping[str, Any]]
) -> Iterator[Violation]:
    for stay in left.keys() - came.keys():
        yield Violation("commit", f"stay {stay} ended and never began")
    for stay, (case, status) in books.stays.items():
        if (stay in came, stay in left) != (status in ("checked_in", "checked_out"), status == "checked_out"):
            yield Violation("commit", f"stay {stay} is {status}, and its events say otherwise")
        elif stay in came and came[stay]["subject"] != case:
            yield Violation("commit", f"stay {stay} is of another person than its events say")
    for stay in came.keys() - books.stays.keys():
        yield Violation("commit", f"stay {stay} has events and no row")
