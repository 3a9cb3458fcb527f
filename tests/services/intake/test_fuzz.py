"""No input brings a 5xx: mutated requests to every route of intake."""

import copy
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.intake.approving import VICTIM, propose
from tests.services.intake.story import SHELTER, ShelterVoice, intake_of, refer
from tests.services.intake.test_consent import consent
from tests.services.intake.test_expiry import until
from tests.services.intake.test_registration import AT, PERSON
from tests.services.intake.test_screening import FINDING
from tests.services.intake.test_trips import trip
from tests.world import Pulang, User

EXAMPLES = 300
DEEP: Any = json.loads("[" * 300 + "]" * 300)
STRANGE: list[Any] = [
    *(None, True, False, 0, -1, 2**31, 2**63, 2**64, 10**400, 1.5, float("nan"), float("inf"), -0.0),
    *("", " ", "\x00", "a\x00b", "\ud800", "\U0001f600", "x" * 10_000, "٠١٢", "' OR 1=1 --", "%00", "../.."),
    *("0001-01-01", "9999-12-31", "2026-02-30", "2026-11-03T24:00:00Z", "9999-12-31T23:59:59-23:59"),
    *("2026-11-03T00:00:00+24:00", "1900-01-01T00:00:00+23:59", "2026-11-03T10:00:00", "2026-W45-2", "1e9"),
    *("00000000-0000-0000-0000-000000000000", "identified", "none", "guardian", "TNJ", SHELTER, "35.07"),
    *([], {}, [[]], {"": {}}, [None] * 600, {"a": DEEP}, DEEP),
]
HEADERS: list[dict[str, str | bytes]] = [
    {},
    {"If-Match": "*"},
    {"If-Match": '"' + "9" * 5000 + '"'},
    {"If-Match": b"\xc3\xa9"},
    {"Idempotency-Key": "k"},
    {"Idempotency-Key": " "},
    {"Idempotency-Key": "k" * 129},
    {"X-Correlation-Id": "'; DROP TABLE cases"},
    {"traceparent": "00-" + "0" * 32},
    {"content-type": "text/plain"},
    {"content-type": "application/json; charset=utf-16"},
]


@dataclass(frozen=True)
class Target:
    """A good request."""

    method: str
    template: str
    path: str
    user: User
    body: Any = None


async def targets(pulang: Pulang) -> list[Target]:
    """One good request for every route, over people at every stage."""
    await pulang.open_post()
    shelter = ShelterVoice(pulang)
    await shelter.opens()
    case, housed = await pulang.register(), await pulang.register()
    (referral,) = await refer(pulang, case)
    await shelter.accepts(housed)
    plan, manifest = trip(housed), {"id": str(uuid.uuid4()), "rows": [PERSON | {"row_key": "1"}, {"row_key": "2"}]} | AT
    await pulang.staff().done("/intake/trips", plan)
    await pulang.officer().done("/intake/manifests", manifest)
    officer, staff, supervisor = pulang.officer(), pulang.staff(), pulang.user("supervisor", "bp2mi", "TNJ")
    administrator, on = pulang.administrator, {"occurred_at": "2026-11-05"}
    point = {"name": "Pos", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}
    leaving = await pulang.register()
    asked = {"reason": "withdrawn", "asked_by": "person"}
    await pulang.administrator.done(f"/intake/cases/{leaving}/erasure", asked)
    held = (await supervisor.done(f"/intake/cases/{case}/legal-holds", {"reason": "prosecution"}))["hold_id"]
    hold = {"id": str(uuid.uuid4()), "reason": "court_proceedings", "note": "Perkara"}
    child = consent(until("2027-01-01"), ("kemensos", "refused"), witness="S", id=str(uuid.uuid4()))
    victim, transfer = await propose(pulang, leaving), {"outcome": "transferred", "id": str(uuid.uuid4())} | on
    decision = {"approval_id": victim}
    seen = {"open_work": [{"code": "stay", "id": str(uuid.uuid4())}]}
    people: list[tuple[str, str, dict[str, str], User, Any]] = [
        ("PUT", "/intake/arrival-points/{code}", {"code": "TNJ"}, administrator, point),
        ("GET", "/intake/places", {}, administrator, None),
        ("GET", "/intake/places/{code}", {"code": "TNJ"}, administrator, None),
        ("POST", "/intake/manifests", {}, officer, manifest),
        ("POST", "/intake/manifests/{manifest_id}/reconciliation", {"manifest_id": manifest["id"]}, officer, None),
        ("POST", "/intake/cases", {}, officer, PERSON | AT | {"id": str(uuid.uuid4()), "phone": "021 555 555"}),
        ("GET", "/intake/cases", {}, officer, None),
        ("GET", "/intake/cases/{case_id}", {"case_id": case}, officer, None),
        ("POST", "/intake/cases/{case_id}/screenings", {"case_id": case}, officer, FINDING | {"id": str(uuid.uuid4())}),
        ("POST", "/intake/referrals", {}, officer, {"facility": SHELTER, "cases": [case, housed]} | on),
        ("POST", "/intake/referrals/{referral_id}/revocation", {"referral_id": referral}, officer, on),
        ("GET", "/intake/cases/{case_id}/referrals", {"case_id": case}, officer, None),
        ("POST", "/intake/closures", {}, supervisor, {"outcome": "withdrawn", "cases": [case]} | on),
        ("POST", "/intake/cases/{case_id}/reopening", {"case_id": case}, supervisor, on),
        ("GET", "/intake/figures", {}, administrator, None),
        (
            "POST",
            "/intake/cases/{case_id}/identification",
            {"case_id": case},
            officer,
            VICTIM | {"id": str(uuid.uuid4())},
        ),
        ("POST", "/intake/cases/{case_id}/closure", {"case_id": housed}, supervisor, transfer),
        ("GET", "/intake/approvals", {}, supervisor, None),
        ("GET", "/intake/approvals/{approval_id}", decision, supervisor, None),
        ("POST", "/intake/approvals/{approval_id}/approval", decision, supervisor, seen),
        ("POST", "/intake/approvals/{approval_id}/rejection", decision, supervisor, {"reason": "unfounded"}),
        ("POST", "/intake/approvals/{approval_id}/withdrawal", decision, supervisor, None),
        ("POST", "/intake/cases/{case_id}/consents", {"case_id": case}, officer, child),
        ("GET", "/intake/cases/{case_id}/identity", {"case_id": case}, officer, None),
        ("GET", "/intake/cases/{case_id}/access-record", {"case_id": case}, officer, None),
        ("PUT", "/intake/cases/{case_id}/identity", {"case_id": case}, officer, PERSON_TO_CORRECT),
        ("GET", "/intake/erasures", {}, supervisor, None),
        ("POST", "/intake/cases/{case_id}/erasure", {"case_id": housed}, supervisor, asked),
        ("GET", "/intake/cases/{case_id}/erasure", {"case_id": leaving}, supervisor, None),
        ("POST", "/intake/cases/{case_id}/erasure/approval", {"case_id": leaving}, supervisor, None),
        ("POST", "/intake/cases/{case_id}/erasure/refusal", {"case_id": housed}, supervisor, {"reason": "unfounded"}),
        ("POST", "/intake/cases/{case_id}/legal-holds", {"case_id": case}, supervisor, hold),
        ("GET", "/intake/cases/{case_id}/legal-holds", {"case_id": case}, supervisor, None),
        (
            "GET",
            "/intake/cases/{case_id}/legal-holds/{hold_id}",
            {"case_id": case, "hold_id": held},
            supervisor,
            None,
        ),
        (
            "POST",
            "/intake/cases/{case_id}/legal-holds/{hold_id}/lifting",
            {"case_id": case, "hold_id": held},
            supervisor,
            {"reason": "not_needed", "note": "Selesai"},
        ),
        ("POST", "/intake/trips", {}, staff, trip(housed, occurred_at="2026-11-05")),
        ("GET", "/intake/trips/{trip_id}", {"trip_id": plan["id"]}, staff, None),
        ("POST", "/intake/trips/{trip_id}/departure", {"trip_id": plan["id"]}, staff, on),
        ("POST", "/intake/trips/{trip_id}/arrivals", {"trip_id": plan["id"]}, staff, on | {"cases": [housed]}),
    ]
    return [Target(method, path, path.format(**ids), user, body) for method, path, ids, user, body in people]


PERSON_TO_CORRECT = {key: PERSON[key] for key in ("name", "birth_date", "nik", "document")}


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to every value in a JSON text."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for key, item in inner for place in places(item, (*here, key)))]


def changed(body: Any, place: tuple[Any, ...], change: Callable[[Any, Any], None], whole: Any) -> Any:
    if not place:
        return whole
    body = copy.deepcopy(body)
    holder = body
    for key in place[:-1]:
        holder = holder[key]
    change(holder, place[-1])
    return body


@st.composite
def mutations(draw: st.DrawFn, body: Any) -> bytes:
    """A body with one to three things wrong; sometimes no JSON at all."""
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places(body)))
        strange = draw(st.sampled_from(STRANGE) | st.text(max_size=20) | st.integers())
        act = draw(st.sampled_from(("replace", "replace", "drop", "add")))

        def change(holder: Any, key: Any, act: str = act, strange: Any = strange) -> None:
            if act == "replace":
                holder[key] = strange
            elif act == "drop":
                del holder[key]
            elif isinstance(holder, dict):
                holder[str(strange)[:50]] = strange
            else:
                holder.append(strange)

        body = changed(body, place, change, strange)
    sent = json.dumps(body).encode()
    cut = draw(st.integers(0, 19))
    return sent[: len(sent) // 2] if cut == 0 else sent + b"\xff" if cut == 1 else sent


QUERIES = st.dictionaries(
    st.sampled_from(
        ("limit", "after", "status", "manifest", "facility", "arrival_point", "from", "until", "purpose", "lang")
    ),
    st.sampled_from(
        ("", "0", "1", "-1", "9" * 30, "open", "2026-11-03", "9999-12-31", "legal", "TNJ", "é\x00", "a" * 600)
    ),
    max_size=4,
)
"""Of any route: those that it does not know are passed over."""


@pytest.fixture
async def aims(pulang: Pulang) -> list[Target]:
    return await targets(pulang)


async def test_every_route_of_intake_is_aimed_at(pulang: Pulang, aims: list[Target]) -> None:
    app = cast(FastAPI, cast(httpx.ASGITransport, pulang.client._transport).app)
    routes = {
        (method.upper(), path)
        for path, operations in app.openapi()["paths"].items()
        for method in operations
        if path.startswith("/intake/") and not path.startswith("/intake/operations/")
    }
    assert {(aim.method, aim.template) for aim in aims} == routes


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
async def test_no_input_brings_a_5xx(pulang: Pulang, aims: list[Target], data: st.DataObject) -> None:
    aim = data.draw(st.sampled_from(aims), label="route")
    options: dict[str, Any] = {"params": data.draw(QUERIES), "headers": dict(data.draw(st.sampled_from(HEADERS)))}
    path = aim.path
    if data.draw(st.integers(0, 9)) == 0 and path != aim.template:
        path = aim.template.replace("{", "%7B").replace("}", "%00")
    if aim.body is not None:
        options["content"] = data.draw(mutations(aim.body))
        options["headers"].setdefault("content-type", "application/json")
    answer = await aim.user._send(aim.method, path, **options)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_after_a_storm_of_bad_requests_the_log_is_whole(pulang: Pulang, aims: list[Target]) -> None:
    for aim in aims:
        for strange in STRANGE:
            for body in (strange, {"occurred_at": strange}, (aim.body or {}) | {"occurred_at": strange, "id": strange}):
                content = json.dumps(body).encode()
                answer = await aim.user._send(
                    aim.method, aim.path, content=content, headers={"content-type": "application/json"}
                )
                assert answer.status_code < 500, (aim, body)
    await pulang.settled()
    chains = (await pulang.administrator.get("/intake/operations/chains")).json()
    assert chains["broken"] == []
    assert (await intake_of(pulang).status())["parked"] == 0
