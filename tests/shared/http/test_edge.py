"""Every request has an id that can go into events, and one line in the log that can be shown to anybody."""

import sqlite3
import uuid

import orjson
import pytest
from structlog.testing import capture_logs

from tests.shared.http.asking import MARKER
from tests.world import Pulang

GIVEN = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"


async def test_a_correlation_id_goes_through_to_the_events(pulang: Pulang) -> None:
    body = {"name": "Pos", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}
    headers = {"X-Correlation-Id": GIVEN}
    answer = await pulang.administrator.put("/intake/arrival-points/TNJ", body, headers=headers)

    assert answer.headers["x-correlation-id"] == GIVEN
    with sqlite3.connect(pulang.settings.database("intake"), timeout=30) as file:
        ((payload,),) = file.execute("SELECT payload FROM events").fetchall()
    file.close()
    assert orjson.loads(payload)["correlationid"] == GIVEN


@pytest.mark.parametrize("given", ["", MARKER, f"{GIVEN}; {MARKER}", "é", "x" * 5000, f"{GIVEN}\t"])
async def test_any_other_correlation_id_is_replaced(pulang: Pulang, given: str) -> None:
    answer = await pulang.client.get("/livez", headers={b"X-Correlation-Id": given.encode()})

    assert str(uuid.UUID(answer.headers["x-correlation-id"])) == answer.headers["x-correlation-id"]
    assert MARKER not in str(answer.headers)


async def test_the_log_has_the_declared_route_and_nothing_that_was_sent(pulang: Pulang) -> None:
    await pulang.open_post()
    with capture_logs() as lines:
        await pulang.officer().get(f"/intake/cases?manifest={MARKER}&after={MARKER}")
        await pulang.officer().get(f"/intake/cases/{GIVEN}?name={MARKER}")
        await pulang.officer().get(f"/intake/cases/{MARKER}")
        await pulang.officer().get(f"/{MARKER}?{MARKER}")
        await pulang.officer().post("/intake/cases", {"name": MARKER, MARKER: MARKER})
        await pulang.officer().post(f"/intake/cases/{GIVEN}", {MARKER: MARKER})
        await pulang.administrator.get("/intake/operations/status")
        await pulang.client.get(f"/livez?{MARKER}")

    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("GET", "/intake/cases", 422),
        ("GET", "/intake/cases/{case_id}", 404),
        ("GET", "/intake/cases/{case_id}", 422),
        ("GET", "(none)", 404),
        ("POST", "/intake/cases", 422),
        ("POST", "/intake/cases/{case_id}", 405),
        ("GET", "/intake/operations/status", 200),
        ("GET", "/livez", 200),
    ]
    assert all(uuid.UUID(line["correlationid"]) for line in requests)
    assert MARKER not in str(lines)
    assert GIVEN not in str(lines)
