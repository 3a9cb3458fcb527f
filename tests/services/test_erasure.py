"""Erasure through every service: what is personal goes, what the figures need stays; over either database."""

import asyncio
from typing import cast

import httpx
import pytest
from fastapi import FastAPI

from shared.erasing.forgetting import erase
from shared.restoring.erasures import erase_again
from shared.service import Service
from tests.services.intake.erasing import erased, left_of
from tests.services.psychosocial.care import PINANG, counsellor, in_care, session
from tests.system.erased import NOTE, lived_through, open_places
from tests.world import Pulang

pytestmark = pytest.mark.either_database


def service_of(pulang: Pulang, name: str) -> Service:
    app = cast(FastAPI, cast(httpx.ASGITransport, pulang.client._transport).app)
    return cast(Service, app.state.services[name])


async def test_every_service_forgets_what_is_personal_and_keeps_what_the_figures_need(pulang: Pulang) -> None:
    await open_places(pulang)
    case = await lived_through(pulang)
    sessions = (await counsellor(pulang).get("/psychosocial/sessions")).json()["items"]
    period = "?from=2026-01-01&until=2026-12-31"
    paths = [f"/{service}/figures{period}" for service in ("shelter", "aid", "psychosocial")]
    before = [(await pulang.administrator.get(path)).json() for path in paths]

    await erased(pulang, case)

    assert [(await pulang.administrator.get(path)).json() for path in paths] == before
    note = await counsellor(pulang).get(f"/psychosocial/sessions/{sessions[0]['session_id']}/note")
    assert (note.status_code, note.json()["type"]) == (410, "/problems/person-erased")
    assert NOTE not in note.text
    left = (await counsellor(pulang).get("/psychosocial/sessions")).json()["items"]
    assert left == [sessions[0] | {"has_note": False}]
    assert (await counsellor(pulang).get("/psychosocial/worklist")).json()["items"] == []
    late = await counsellor(pulang).post("/psychosocial/sessions", {"sessions": [session(case, note=NOTE)]})
    assert (late.status_code, late.json()["type"]) == (410, "/problems/person-erased")
    people = [{"case_id": case, "from_date": "2026-12-01"}]
    plan = await pulang.staff().post("/shelter/stays/plan", {"facility": "RPTC-TANJUNG-PINANG", "people": people})
    assert (plan.status_code, plan.json()["type"]) == (410, "/problems/person-erased"), plan.text
    assert pulang.rows("shelter", "SELECT age_band, CAST(needs AS text) FROM cases WHERE case_id = ?", case) == [
        (None, "[]")
    ]
    assert pulang.rows("aid", "SELECT * FROM cases WHERE case_id = ?", case) == []
    for service in ("intake", "shelter", "aid", "psychosocial"):
        assert not [body for (body,) in pulang.rows(service, "SELECT body FROM answers") if case.encode() in body], (
            service
        )
    # The bed is still slept in: whoever is in the house can be checked out, and nobody outside hears of it.
    out = {"facility": "RPTC-TANJUNG-PINANG", "on": "2026-11-09", "reason": "left", "people": [{"case_id": case}]}
    gone = await pulang.staff().post("/shelter/stays/check-out", out)
    assert gone.status_code == 201, gone.text
    await pulang.settled()
    feed = (await pulang.reader("iom").get("/exchange/feed")).json()["events"]
    assert [event["type"] for event in feed if event["subject"] == case] == ["pulang.case.erased.v1"]


async def test_after_a_restore_it_is_done_again_without_an_event_and_may_be_repeated(pulang: Pulang) -> None:
    """As `pulang restore-check` does, in the database of each service; also of a case that is not known there."""
    await open_places(pulang)
    case = await lived_through(pulang)
    unknown = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b99"
    for name in ("intake", "shelter", "aid", "psychosocial", "exchange"):
        one = service_of(pulang, name)
        events = pulang.rows(name, "SELECT count(*) FROM events")
        for _ in range(2):
            await one.database.write(
                lambda at, one=one: erase_again(  # type: ignore[misc]
                    at, one.definition.forgetting, one.desk.secrets, [case, unknown], teller=one.name == "intake"
                )
            )
        assert pulang.rows(name, "SELECT count(*) FROM events") == events
    assert set(left_of(pulang, case).values()) == {0}
    assert pulang.rows("psychosocial", "SELECT note FROM sessions") == [(None,)]
    assert {subject for (subject,) in pulang.rows("exchange", "SELECT case_id FROM erased_cases")} == {case, unknown}
    again = await pulang.officer().post("/intake/cases", _anybody(unknown))
    assert (again.status_code, again.json()["type"]) == (410, "/problems/person-erased")
    feed = (await pulang.reader("iom").get("/exchange/feed")).json()["events"]
    assert [event for event in feed if event["subject"] == case] == []
    await erased(pulang)  # the keys go by themselves


def _anybody(case: str) -> dict[str, str]:
    return {"id": case, "name": "Contoh", "sex": "F", "arrival_point": "TNJ", "arrival_date": "2026-11-03"}


async def test_what_is_written_at_that_very_moment_is_forgotten_or_refused(pulang: Pulang) -> None:
    """The first note of a person takes a key; the one who erases must not look for it a moment too early."""
    await pulang.open_post()
    await pulang.open_shelter(PINANG, [{"name": "F1", "type": "female", "beds": 10}])
    psychosocial = service_of(pulang, "psychosocial")
    cases = [await in_care(pulang) for _ in range(10)]

    async def forget(case: str) -> None:
        forgetting, secrets = psychosocial.definition.forgetting, psychosocial.desk.secrets
        await psychosocial.database.write(lambda at: erase(forgetting, at, secrets, [case]))

    async def write_down(case: str) -> None:
        answer = await counsellor(pulang).post("/psychosocial/sessions", {"sessions": [session(case, note=NOTE)]})
        assert answer.status_code in (201, 410), answer.text

    await asyncio.gather(*(one(case) for case in cases for one in (write_down, forget, write_down)))
    assert {note for (note,) in pulang.rows("psychosocial", "SELECT note FROM sessions")} <= {None}
    assert pulang.rows("psychosocial", "SELECT 1 FROM case_keys") == []
