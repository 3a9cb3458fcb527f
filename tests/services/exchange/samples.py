"""One event of every type (the golden ones), and agencies that stand differently towards their places."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.exchange.directory import opaque_id
from services.exchange.disclosure import AgencyView
from services.exchange.redaction import plan_of
from shared.events.catalogue import FACTS, TOLD_TO_AGENCIES
from shared.events.envelope import Event
from shared.events.exchange import Withheld
from shared.events.fact import OPERATIONS

KEY = bytes(range(32))
GOLDEN = Path(__file__).parents[2] / "contract" / "events" / "golden"
TYPES = sorted(TOLD_TO_AGENCIES - {Withheld.TYPE})
OPERATIONS_TYPES = [one for one in TYPES if FACTS[one].TOPIC == OPERATIONS]
CASE_TYPES = [one for one in TYPES if FACTS[one].TOPIC != OPERATIONS]
ALERT = "pulang.psychosocial.alert_raised.v1"


def golden(event_type: str) -> Event:
    return Event.from_bytes((GOLDEN / f"{event_type}.json").read_bytes())


def with_data(event: Event, **changes: Any) -> Event:
    return event._replace(data={**(event.data or {}), **changes})


def places_in(event: Event) -> dict[str, str]:
    """Fields of the event that name a place."""
    plan = plan_of(event.type)
    assert plan is not None
    return {field: (event.data or {})[field] for field in plan.places if field in (event.data or {})}


def agency(
    name: str = "iom",
    runs: set[str] | frozenset[str] = frozenset(),
    gave_to: set[str] | frozenset[str] = frozenset(),
    provinces: Mapping[str, str] | None = None,
    withheld: set[str] | frozenset[str] = frozenset({ALERT}),
    withheld_fields: Mapping[str, frozenset[str]] | None = None,
    member: bool = True,
) -> AgencyView:
    """A view as the directory makes it; `provinces`: of places that share theirs with at least two others."""
    return AgencyView(
        agency=name,
        withheld=frozenset(withheld),
        withheld_fields=withheld_fields or {},
        runs=frozenset(runs),
        gave_to=frozenset(gave_to),
        opaque=lambda place: opaque_id(KEY, name, place),
        province=(provinces or {}).get,
        member=member,
    )
