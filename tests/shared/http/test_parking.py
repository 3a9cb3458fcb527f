"""Operators see what is parked and give it up: who may not is refused, and no answer shows a payload."""

from typing import Any, cast

import pytest

from shared.bus.protocol import Record
from shared.events.fact import LIFECYCLE
from shared.service import Service
from tests.shared.http.asking import MARKER
from tests.world import Pulang

KEY = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"
PARKED = "/shelter/operations/parked"


@pytest.fixture
async def parked(pulang: Pulang) -> Pulang:
    """Shelter and the others have parked what is no event."""
    services: dict[str, Service] = cast(Any, pulang.client)._transport.app.state.services
    await services["shelter"].bus.publish([Record(LIFECYCLE, KEY, MARKER.encode(), 1_578_052_800_000)])
    await pulang.settled()
    return pulang


async def test_what_is_parked_is_shown_and_given_up(parked: Pulang) -> None:
    operator = parked.administrator
    shown = await operator.get(f"{PARKED}/events?key={KEY}")
    assert shown.status_code == 200, shown.text
    ((reason, event_type),) = [(one["reason"], one["type"]) for one in shown.json()["items"]]
    assert (reason, event_type) == ("undecodable", None)
    assert MARKER not in shown.text

    body = {"key": KEY, "reason": "foreign"}
    early = await operator.post(f"{PARKED}/discard", body)
    assert (early.status_code, early.json()["type"]) == (409, "/problems/still-tried")
    assert (await operator.post(f"{PARKED}/discard", body | {"now": True})).json() == {"events": 1}

    gone = await operator.get(f"{PARKED}/events?key={KEY}")
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/nothing-parked")
    assert (await operator.post(f"{PARKED}/discard", body)).status_code == 404
    audited = parked.rows("shelter", "SELECT action, subject, purpose FROM audit WHERE action LIKE 'parked.%'")
    assert audited == [("parked.discard", KEY, "foreign")]


async def test_a_reason_is_a_code_and_a_key_has_a_form(parked: Pulang) -> None:
    for wrong in (
        {"reason": MARKER},
        {"reason": "foreign", "consumer": "Ünknown"},
        {"key": "\x01", "reason": "foreign"},
    ):
        answer = await parked.administrator.post(f"{PARKED}/discard", {"key": KEY} | wrong)
        assert answer.status_code == 422
        assert MARKER not in answer.text


async def test_only_who_manages_operations_may_give_up(parked: Pulang) -> None:
    auditor = parked.user("auditor", "bpk")
    assert (await auditor.get(f"{PARKED}/events?key={KEY}")).status_code == 200
    assert (await auditor.post(f"{PARKED}/discard", {"key": KEY, "reason": "foreign", "now": True})).status_code == 403
    assert (await parked.officer().get(f"{PARKED}/events?key={KEY}")).status_code == 403
