"""The checker's rules about goods: never below zero, the stock equal to its ledger, the ledger to the events."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.faults.books import Books
from tests.faults.violations import Violation

Shelf = tuple[str, str]
"""(store, item)"""


def check(books: Books, events: Sequence[Mapping[str, Any]]) -> Iterator[Violation]:
    """From the ledger, from the shelves, and from events alone."""
    yield from _ledger(books)
    told = _from_events(events)
    entered: Counter[Shelf] = Counter()
    for line in books.ledger:
        entered[line.store, line.item] += line.change
    for shelf in set(told) | set(entered):
        if told[shelf] != entered[shelf]:
            yield Violation("commit", f"{shelf}: {told[shelf]} by the events, {entered[shelf]} by the ledger")
    given = {event["data"]["issue"] for event in events if event["type"] == "pulang.aid.issued.v1"}
    for issue in given ^ {line.entry for line in books.ledger if line.kind == "issued"}:
        yield Violation("commit", f"issue {issue}: a line without event, or an event without line")
    issued = sum(event["data"]["quantity"] for event in events if event["type"] == "pulang.aid.issued.v1")
    if books.indicators.get("issued") != issued:
        yield Violation("projection", f"{books.indicators.get('issued')} issued in the indicators, {issued} in events")


def _ledger(books: Books) -> Iterator[Violation]:
    there: Counter[Shelf] = Counter()
    for line in books.ledger:
        there[line.store, line.item] += line.change
        if there[line.store, line.item] < 0:
            yield Violation("stock", f"{(line.store, line.item)} falls below 0 at line {line.position}")
    for shelf in set(there) | set(books.stock):
        if there[shelf] != books.stock.get(shelf, 0):
            yield Violation("stock", f"{shelf}: {books.stock.get(shelf, 0)} on the shelf, {there[shelf]} in the ledger")
    for entry, times in Counter(line.entry for line in books.ledger).items():
        if times > 1:
            yield Violation("doubled", f"the entry {entry} stands {times} times in the ledger")


def _from_events(events: Sequence[Mapping[str, Any]]) -> Counter[Shelf]:
    there: Counter[Shelf] = Counter()
    for event in events:
        data = event.get("data", {})
        match event["type"]:
            case "pulang.donation.received.v1":
                there[data["store"], data["item"]] += data["quantity"]
            case "pulang.aid.issued.v1":
                there[data["store"], data["item"]] -= data["quantity"]
            case "pulang.stock.adjusted.v1":
                there[data["store"], data["item"]] += data["change"]
            case "pulang.shipment.dispatched.v1":
                there[data["from_store"], data["item"]] -= data["quantity"]
            case "pulang.shipment.received.v1":
                there[data["to_store"], data["item"]] += data["quantity"]
    return there
