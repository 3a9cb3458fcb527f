"""Consent that was given for a time."""

import asyncio
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from services.intake.commands.expiry import expire_consents
from shared.auditing.restored import OPERATOR
from shared.outbox.table import STREAMS
from shared.restoring.entering import open_again
from shared.settings import Settings
from shared.work import Cause, Work
from tests.services.intake.story import facts, intake_of, kind, told
from tests.services.intake.test_consent import consent
from tests.world import Pulang, running

CLOCK_WITHIN_SECONDS = 20


def until(day: str, agency: str = "iom", level: str = "identified") -> dict[str, Any]:
    return {"agency": agency, "level": level, "expires_on": day}


async def identity_status(pulang: Pulang, case: str, agency: str = "iom") -> int:
    answer = await pulang.reader(agency).get(f"/intake/cases/{case}/identity?purpose=legal")
    return answer.status_code


async def at(pulang: Pulang, moment: str) -> int:
    """The clock strikes: how many consents ended."""
    now = datetime.fromisoformat(moment).astimezone(UTC)

    def strike(work: Work) -> int:
        return expire_consents(replace(work, now=now))

    return await intake_of(pulang).desk.write(strike)


async def test_the_service_ends_a_consent_by_its_own_clock(migrated_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(migrated_folder, tmp_path / "data")
    settings = Settings(tmp_path / "data")
    async with running(settings) as pulang:
        await pulang.open_post()
        case = await pulang.register(arrival_date="2026-09-01")
        body = consent(until("2026-10-01"), ("kemensos", "identified"), occurred_at="2026-09-01")
        await pulang.officer().done(f"/intake/cases/{case}/consents", body)
        assert await identity_status(pulang, case) == 403  # over, whether or not the clock has been round
    async with running(settings) as pulang, asyncio.timeout(CLOCK_WITHIN_SECONDS):
        struck = asyncio.Event()
        intake_of(pulang).desk.listeners.append(lambda recorded: struck.set() if recorded else None)
        if len(facts(pulang, case)) == 2:
            await struck.wait()
    assert facts(pulang, case) == ["case.registered", "case.consent_changed", "case.consent_changed"]
    _, event = told(pulang, case)[-1]
    assert event["data"]["decisions"] == [{"agency": "iom", "status": "expired", "level": "none"}]
    assert event["time"] == "2026-09-30T17:00:00.000000Z"  # midnight in Tanjung Pinang


@pytest.mark.parametrize(
    ("zone", "last_moment", "first_moment"),
    [
        ("Asia/Jakarta", "2027-02-28T16:59:59+00:00", "2027-02-28T17:00:00+00:00"),
        ("Asia/Makassar", "2027-02-28T15:59:59+00:00", "2027-02-28T16:00:00+00:00"),
        ("Asia/Jayapura", "2027-02-28T14:59:59+00:00", "2027-02-28T15:00:00+00:00"),
    ],
)
async def test_a_day_begins_at_midnight_of_the_arrival_point(
    pulang: Pulang, zone: str, last_moment: str, first_moment: str
) -> None:
    await pulang.open_post("EST", time_zone="Asia/Jayapura")
    await pulang.open_post("TNJ", time_zone=zone)
    case = await pulang.register()
    await pulang.officer().done(f"/intake/cases/{case}/consents", consent(until("2027-03-01")))
    assert await at(pulang, last_moment) == 0
    assert await identity_status(pulang, case) == 200
    assert await at(pulang, first_moment) == 1
    assert await identity_status(pulang, case) == 403
    assert await at(pulang, first_moment) == 0


async def test_what_was_renewed_or_withdrawn_does_not_end_again(pulang: Pulang) -> None:
    await pulang.open_post()
    case = await pulang.register()
    path = f"/intake/cases/{case}/consents"
    await pulang.officer().done(path, consent(until("2027-03-01"), until("2027-03-01", "unicef")))
    await pulang.officer().done(path, consent(until("2028-03-01")))
    await pulang.officer().done(path, consent(("unicef", "withdrawn")))
    assert await at(pulang, "2027-06-01T00:00:00+00:00") == 0
    assert await identity_status(pulang, case) == 200


async def test_each_ending_names_who_gave_that_consent(pulang: Pulang) -> None:
    await pulang.open_post()
    case = await pulang.register(birth_date=None)
    guardian = {"given_by": "guardian", "guardian": {"name": "Wali", "relation": "paman"}}
    path = f"/intake/cases/{case}/consents"
    await pulang.officer().done(path, consent(until("2027-03-01"), **guardian))
    await pulang.officer().done(path, consent(until("2027-03-02", "unicef", "pseudonymous")))
    assert await at(pulang, "2027-06-01T00:00:00+00:00") == 2
    ended = [event["data"] for _, event in told(pulang, case)[-2:]]
    assert [(one["decisions"][0]["agency"], one["given_by"]) for one in ended] == [
        ("iom", "guardian"),
        ("unicef", "person"),
    ]


async def test_what_ended_cannot_be_given_for_a_day_before(pulang: Pulang) -> None:
    await pulang.open_post()
    case = await pulang.register()
    path = f"/intake/cases/{case}/consents"
    await pulang.officer().done(path, consent(until("2026-11-10"), occurred_at="2026-11-03"))
    assert await at(pulang, "2026-11-12T00:00:00+00:00") == 1
    before = await pulang.officer().post(path, consent(("iom", "identified"), occurred_at="2026-11-09"))
    assert kind(before) == (409, "decided-since")
    again = await pulang.officer().done(path, consent(("iom", "identified"), occurred_at="2026-11-10"))
    assert again["agencies"] == {"iom": "identified"}


async def test_a_case_that_waits_for_an_officer_holds_up_no_other(
    pulang: Pulang, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.intake.commands.expiry.EXPIRED_AT_ONCE", 1)
    await pulang.open_post()
    cases = [await pulang.register() for _ in range(2)]
    for case in cases:
        await pulang.officer().done(f"/intake/cases/{case}/consents", consent(until("2027-03-01")))
    restored = update(STREAMS).where(STREAMS.c.subject == min(cases)).values(state_version=1)
    await intake_of(pulang).desk.write(lambda work: work.session.execute(restored))
    assert [await at(pulang, "2027-06-01T00:00:00+00:00") for _ in range(2)] == [1, 0]
    await intake_of(pulang).desk.write(lambda work: open_again(work, min(cases)), Cause(caller=OPERATOR))
    assert await at(pulang, "2027-06-01T00:00:00+00:00") == 1


async def test_more_than_one_round_takes_all_that_is_due(pulang: Pulang, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.intake.commands.expiry.EXPIRED_AT_ONCE", 2)
    await pulang.open_post()
    for _ in range(3):
        case = await pulang.register()
        await pulang.officer().done(f"/intake/cases/{case}/consents", consent(until("2027-03-01")))
    rounds = [await at(pulang, "2027-06-01T00:00:00+00:00") for _ in range(3)]
    assert rounds == [2, 1, 0]
