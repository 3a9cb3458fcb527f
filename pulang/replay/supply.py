"""Which store sends what to which, so that no one arrives at an empty shelf: decided from the folder, before the play.

Kits are scarce and not always where people are. On a day on which a store could not give what that day needs, what the
stores hold together is shared out for as many of the next days (seven at most) as it lasts; stores ask only for what
they lack of that, and those with most to spare send it. A donation counts from its date on.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from pulang.complaint import Complaint
from pulang.replay.season import Donation

HORIZON_DAYS = 7


@dataclass(frozen=True, slots=True)
class Shipment:
    """Goods from one store to another, sent and received on one day."""

    on: date
    item: str
    from_store: str
    to_store: str
    quantity: int


def plan_shipments(item: str, donations: Iterable[Donation], needs: Mapping[tuple[str, date], int]) -> list[Shipment]:
    """The shipments of one item; `needs` are pieces by store and day. Raises Complaint where there is not enough."""
    stock: Counter[str] = Counter()
    arriving: dict[date, Counter[str]] = defaultdict(Counter)
    for donation in donations:
        if donation.item == item:
            arriving[donation.on][donation.store] += donation.quantity
    stores = sorted({store for store, _ in needs} | {store for gifts in arriving.values() for store in gifts})
    shipments: list[Shipment] = []
    for day in sorted({day for _, day in needs} | set(arriving)):
        stock.update(arriving.get(day, {}))
        if any(stock[store] < needs.get((store, day), 0) for store in stores):
            shipments += _share_out(item, day, stock, stores, needs)
        for store in stores:
            stock[store] -= needs.get((store, day), 0)
    return shipments


def _share_out(
    item: str, day: date, stock: Counter[str], stores: list[str], needs: Mapping[tuple[str, date], int]
) -> list[Shipment]:
    for days in range(HORIZON_DAYS, 0, -1):
        ahead = [day + timedelta(days=n) for n in range(days)]
        wanted = {store: sum(needs.get((store, one), 0) for one in ahead) for store in stores}
        if sum(wanted.values()) <= sum(stock.values()):
            break
    else:
        raise Complaint(f"donations.json holds too few of {item!r}: there is not enough on {day}")
    shipments = []
    for store in sorted(stores, key=lambda s: (stock[s] - wanted[s], s)):
        while (lack := wanted[store] - stock[store]) > 0:
            richest = max(stores, key=lambda s: (stock[s] - wanted[s], s))
            quantity = min(lack, stock[richest] - wanted[richest])
            shipments.append(Shipment(day, item, richest, store, quantity))
            stock[richest] -= quantity
            stock[store] += quantity
    return shipments
