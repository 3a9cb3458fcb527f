"""What needs two people: one asks, a supervisor who is somebody else decides, on what is true at that moment."""

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from services.intake.models import Approval, Case
from shared.database.models import table_of
from shared.work import Work
from tests.services.intake.approving import SECOND, VICTIM, approve, ask_to_close, close_with_approval, propose
from tests.services.intake.erasing import erased, head, supervisor
from tests.services.intake.story import ShelterVoice, case_of, facts, intake_of, kind, pointers, refer, rows_of, told
from tests.services.intake.test_closing import closure
from tests.services.intake.test_screening import FINDING
from tests.services.intake.test_trips import in_shelter, trip
from tests.world import Pulang

UNKNOWN = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b99"
DAY = {"occurred_at": "2026-11-05"}


async def arrival(pulang: Pulang) -> str:
    await pulang.open_post()
    return await pulang.register()


async def seen(pulang: Pulang, approval: str) -> dict[str, Any]:
    answer = await head(pulang).get(f"/intake/approvals/{approval}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def status_of(pulang: Pulang, approval: str) -> tuple[str, str | None]:
    (found,) = rows_of(pulang, "SELECT status, because FROM approvals WHERE approval_id = ?", approval)
    return found[0], found[1]


@pytest.mark.either_database
async def test_a_victim_is_identified_by_two_and_told_in_codes_alone(pulang: Pulang) -> None:
    case = await arrival(pulang)
    approval = await propose(pulang, case)
    assert facts(pulang, case) == ["case.registered"]
    waiting = await seen(pulang, approval)
    assert (waiting["status"], waiting["kind"], waiting["open_work"]) == ("requested", "identification", [])
    codes = {name: VICTIM[name] for name in ("decided_by", "methods_of_control", "types_of_exploitation")}
    assert waiting["finding"] == codes | {"trafficking_status": "ActualVictimOfTrafficking"}
    done = await approve(pulang, approval)
    assert (done.status_code, done.json()["status"], done.json()["decided_by"]) == (201, "approved", SECOND)
    fact, event = told(pulang, case)[-1]
    assert (fact, event["data"]) == ("case.identified", waiting["finding"])
    assert event["time"] == "2026-11-05T05:00:00.000000Z"
    assert (await case_of(pulang, case))["trafficking_status"] == "ActualVictimOfTrafficking"
    assert (await approve(pulang, approval)).json() == done.json()
    assert facts(pulang, case).count("case.identified") == 1


@pytest.mark.either_database
async def test_a_screening_that_finds_a_victim_proposes_it_and_is_told_as_possible(pulang: Pulang) -> None:
    case = await arrival(pulang)
    path, mine = f"/intake/cases/{case}/screenings", {"id": str(uuid.uuid4())}
    first = await pulang.officer().done(path, FINDING | mine)
    assert first["trafficking_status"] == "PossibleVictimOfTrafficking"
    assert await pulang.officer().done(path, FINDING | mine) == first
    assert told(pulang, case)[-1][1]["data"]["trafficking_status"] == "PossibleVictimOfTrafficking"
    assert (await case_of(pulang, case))["trafficking_status"] == "PossibleVictimOfTrafficking"
    assert (await approve(pulang, first["approval"])).status_code == 201
    assert await pulang.officer().done(path, FINDING | mine) == first
    assert told(pulang, case)[-1][1]["data"] == {
        name: FINDING[name]
        for name in ("trafficking_status", "decided_by", "methods_of_control", "types_of_exploitation")
    }
    again = await pulang.officer().done(path, FINDING)
    assert (again["trafficking_status"], "approval" in again) == ("ActualVictimOfTrafficking", False)
    later = await pulang.officer().done(path, FINDING | {"trafficking_status": "NotAVictimOfTrafficking"})
    assert "approval" not in later
    assert (await case_of(pulang, case))["trafficking_status"] == "NotAVictimOfTrafficking"
    expected = ["case.registered", "case.screened", "case.identified", "case.screened", "case.screened"]
    assert facts(pulang, case) == expected


async def test_one_officers_word_from_before_is_no_approval(pulang: Pulang) -> None:
    case = await arrival(pulang)
    before = (
        update(table_of(Case)).where(col(Case.case_id) == case).values(trafficking_status="ActualVictimOfTrafficking")
    )
    await intake_of(pulang).desk.write(lambda work: work.session.execute(before) and None)
    found = await pulang.officer().done(f"/intake/cases/{case}/screenings", FINDING)
    assert found["trafficking_status"] == "PossibleVictimOfTrafficking"
    assert (await approve(pulang, found["approval"])).status_code == 201


async def test_whoever_asked_does_not_decide_and_the_try_is_noted(pulang: Pulang) -> None:
    case = await arrival(pulang)
    approval = (await supervisor(pulang).done(f"/intake/cases/{case}/identification", VICTIM))["approval_id"]
    own = await approve(pulang, approval, name="contoh-supervisor")
    assert kind(own) == (403, "second-person-needed")
    rejecting = await supervisor(pulang).post(f"/intake/approvals/{approval}/rejection", {"reason": "unfounded"})
    assert kind(rejecting) == (403, "second-person-needed")
    assert (await pulang.officer().post(f"/intake/approvals/{approval}/approval", {})).status_code == 403
    assert facts(pulang, case) == ["case.registered"]
    assert (await approve(pulang, approval)).status_code == 201
    noted = rows_of(
        pulang, "SELECT actor, action, outcome FROM audit WHERE action LIKE 'identification.%' ORDER BY position"
    )
    assert noted == [
        ("contoh-supervisor", "identification.request", "done"),
        ("contoh-supervisor", "identification.approve", "refused"),
        ("contoh-supervisor", "identification.reject", "refused"),
        (SECOND, "identification.approve", "done"),
    ]


async def test_a_rejected_proposal_stays_with_the_case_and_says_why(pulang: Pulang) -> None:
    case = await arrival(pulang)
    approval = await propose(pulang, case)
    path = f"/intake/approvals/{approval}/rejection"
    assert (await head(pulang).done(path, {"reason": "incomplete"}))["because"] == "incomplete"
    assert (await head(pulang).post(path, {"reason": "incomplete"})).status_code == 201
    assert kind(await head(pulang).post(path, {"reason": "unfounded"})) == (409, "approval-ended")
    assert kind(await approve(pulang, approval)) == (409, "approval-ended")
    another = await propose(pulang, case)
    assert (await approve(pulang, another)).status_code == 201
    listed = (await pulang.officer().get(f"/intake/approvals?case={case}")).json()["items"]
    assert [(one["approval_id"], one["status"], one.get("because")) for one in listed] == [
        (approval, "rejected", "incomplete"),
        (another, "approved", None),
    ]
    assert facts(pulang, case) == ["case.registered", "case.identified"]


async def test_what_is_withdrawn_is_decided_by_nobody(pulang: Pulang) -> None:
    case = await arrival(pulang)
    approval = await propose(pulang, case)
    path = f"/intake/approvals/{approval}/withdrawal"
    assert (await pulang.officer().done(path, None))["status"] == "withdrawn"
    assert (await pulang.officer().done(path, None))["status"] == "withdrawn"
    assert kind(await approve(pulang, approval)) == (409, "approval-ended")
    transfer = (await ask_to_close(pulang, case, "transferred"))["approval_id"]
    assert (await pulang.officer().post(f"/intake/approvals/{transfer}/withdrawal")).status_code == 403
    await supervisor(pulang, "rekan").done(f"/intake/approvals/{transfer}/withdrawal", None)
    assert facts(pulang, case) == ["case.registered"]


async def test_a_newer_screening_ends_what_was_proposed_on_an_older_one(pulang: Pulang) -> None:
    case = await arrival(pulang)
    approval = await propose(pulang, case)
    screened = await pulang.officer().done(f"/intake/cases/{case}/screenings", FINDING)
    refused = await approve(pulang, approval)
    assert (kind(refused), refused.json()["detail"]) == ((409, "approval-ended"), "ended: screened_again")
    assert (await approve(pulang, screened["approval"])).status_code == 201


async def test_one_of_a_kind_waits_and_repeats_are_answered_as_it_stands(pulang: Pulang) -> None:
    case, other = await arrival(pulang), await pulang.register()
    path, mine = f"/intake/cases/{case}/identification", {"id": str(uuid.uuid4())}
    first = await pulang.officer().done(path, VICTIM | mine)
    assert await pulang.officer().done(path, VICTIM | mine) == first
    assert await pulang.officer().done(path, VICTIM) == first
    for change in ({"decided_by": "NGO"}, {"occurred_at": "2026-11-04"}):
        assert kind(await pulang.officer().post(path, VICTIM | mine | change)) == (409, "id-taken")
        asked = await pulang.officer().post(path, VICTIM | change)
        assert (kind(asked), asked.json()["approval_id"]) == ((409, "approval-asked"), mine["id"])
    elsewhere = await pulang.officer().post(f"/intake/cases/{other}/identification", VICTIM | mine)
    assert (kind(elsewhere), pointers(elsewhere)) == ((409, "id-taken"), ["#/id"])
    assert kind(await supervisor(pulang).post(path, VICTIM)) == (409, "approval-asked")
    keyed, at = {"Idempotency-Key": "once"}, f"/intake/approvals/{mine['id']}/approval"
    done = await head(pulang).post(at, {}, headers=keyed)
    assert (await head(pulang).post(at, {}, headers=keyed)).text == done.text
    assert kind(await head(pulang).post(at, {"open_work": [{"code": "stay"}]}, headers=keyed))[0] == 422


@pytest.mark.either_database
async def test_the_database_itself_lets_one_of_a_kind_wait(pulang: Pulang) -> None:
    case = await arrival(pulang)
    await propose(pulang, case)

    def second(work: Work) -> None:
        row = {"approval_id": UNKNOWN, "case_id": case, "kind": "identification", "status": "requested", "asked": {}}
        times = {"occurred_at": work.now, "requested_at": work.now}
        work.session.execute(insert(table_of(Approval)).values(row | times | {"requested_by": "x", "open_work": []}))

    with pytest.raises(IntegrityError):
        await intake_of(pulang).desk.write(second)


@pytest.mark.either_database
async def test_nobody_is_handed_over_to_another_organisation_by_one_alone(pulang: Pulang) -> None:
    one, two = await arrival(pulang), await pulang.register()
    refused = await supervisor(pulang).post("/intake/closures", closure(one, two, outcome="transferred"))
    assert (kind(refused), pointers(refused)) == ((409, "approval-needed"), ["#/cases/0", "#/cases/1"])
    assert refused.json()["cases"][0] == {"case_id": one, "kind": "transfer", "open_work": []}
    asked = await ask_to_close(pulang, one, "transferred")
    assert (asked["kind"], asked["outcome"], facts(pulang, one)) == ("transfer", "transferred", ["case.registered"])
    assert kind(await approve(pulang, asked["approval_id"], name="contoh-supervisor")) == (403, "second-person-needed")
    assert (await approve(pulang, asked["approval_id"])).status_code == 201
    assert told(pulang, one)[-1][1]["data"] == {"outcome": "transferred"}
    state = await case_of(pulang, one)
    assert (state["status"], state["outcome"], state["htcds_status"]) == ("closed", "transferred", "ClosedReferred")
    again = await supervisor(pulang).done("/intake/closures", closure(one, outcome="transferred"))
    assert again["cases"] == [one]


@pytest.mark.either_database
async def test_a_case_is_not_closed_while_work_is_open_unless_a_second_one_has_seen_it(pulang: Pulang) -> None:
    case, free = await arrival(pulang), await pulang.register()
    shelter = ShelterVoice(pulang)
    await shelter.opens()
    (referral,) = await shelter.accepts(case)
    chief = supervisor(pulang)
    refused = await chief.post("/intake/closures", closure(free, case))
    assert (kind(refused), pointers(refused)) == ((409, "approval-needed"), ["#/cases/1"])
    assert facts(pulang, free) == ["case.registered"]
    asked = await ask_to_close(pulang, case)
    before = {"code": "referral_accepted", "id": referral}
    assert (asked["kind"], asked["open_work"]) == ("closure", [before])
    await shelter.checks_in(case)
    changed = await approve(pulang, asked["approval_id"], before)
    now = {"code": "stay", "id": "s"}
    assert (kind(changed), changed.json()["open_work"]) == ((409, "open-work-changed"), [now])
    assert kind(await approve(pulang, asked["approval_id"])) == (409, "open-work-changed")
    assert (await seen(pulang, asked["approval_id"]))["open_work"] == [now]
    assert status_of(pulang, asked["approval_id"]) == ("requested", None)
    assert "case.closed" not in facts(pulang, case)


async def test_what_is_given_up_by_an_approved_closing_is_told_and_kept(pulang: Pulang) -> None:
    _, (case,) = await in_shelter(pulang)
    plan = trip(case)
    await pulang.staff().done("/intake/trips", plan)
    asked = await ask_to_close(pulang, case, "disappeared", agency="kemensos")
    given_up = asked["open_work"]
    assert {"code": "return", "id": plan["id"]} in given_up
    done = await approve(pulang, asked["approval_id"], *given_up, agency="kemensos")
    assert done.json()["open_work"] == given_up
    assert rows_of(pulang, "SELECT status FROM seats") == [("cancelled",)]
    assert facts(pulang, case)[-1] == "case.closed"
    assert (await seen_by(pulang, asked["approval_id"]))["open_work"] == given_up


async def seen_by(pulang: Pulang, approval: str, agency: str = "kemensos") -> dict[str, Any]:
    return dict((await supervisor(pulang, "siapa", agency).get(f"/intake/approvals/{approval}")).json())


async def test_an_approval_is_not_asked_for_where_none_is_needed(pulang: Pulang) -> None:
    case = await arrival(pulang)
    path = f"/intake/cases/{case}/closure"
    for _ in range(2):
        answer = await supervisor(pulang).post(path, {"outcome": "withdrawn"} | DAY)
        assert kind(answer) == (409, "approval-not-needed")
    early = await supervisor(pulang).post(path, {"outcome": "transferred", "occurred_at": "2026-11-02"})
    assert (kind(early), pointers(early)) == ((422, "impossible-date"), ["#/occurred_at"])
    await supervisor(pulang).done("/intake/closures", closure(case))
    for path, body in (("closure", {"outcome": "transferred"} | DAY), ("identification", VICTIM)):
        assert kind(await supervisor(pulang).post(f"/intake/cases/{case}/{path}", body)) == (409, "case-is-closed")


async def test_what_waits_ends_when_the_case_is_closed(pulang: Pulang) -> None:
    case = await arrival(pulang)
    victim = await propose(pulang, case)
    transfer = (await ask_to_close(pulang, case, "transferred"))["approval_id"]
    await supervisor(pulang).done("/intake/closures", closure(case))
    for one in (victim, transfer):
        refused = await approve(pulang, one)
        assert (kind(refused), refused.json()["detail"]) == ((409, "approval-ended"), "ended: case_closed")
    assert facts(pulang, case) == ["case.registered", "case.closed"]
    assert (await head(pulang).get("/intake/approvals?status=requested")).json()["items"] == []


@pytest.mark.either_database
async def test_of_an_erased_person_it_is_kept_who_asked_and_who_decided_and_no_code(pulang: Pulang) -> None:
    case = await arrival(pulang)
    done = await propose(pulang, case)
    await approve(pulang, done)
    waiting = await propose(pulang, case, decided_by="CourtOrProsecution")
    await erased(pulang, case)
    assert kind(await approve(pulang, waiting)) == (410, "person-erased")
    assert kind(await supervisor(pulang).post(f"/intake/cases/{case}/identification", VICTIM)) == (410, "person-erased")
    rows = rows_of(pulang, "SELECT status, because, asked, decided_by FROM approvals ORDER BY approval_id")
    assert rows == [("approved", None, None, SECOND), ("ended", "person_erased", None, None)]
    assert "finding" not in await seen(pulang, done)


async def test_what_waits_is_listed_for_who_may_see_the_case(pulang: Pulang) -> None:
    cases = [await arrival(pulang), *[await pulang.register() for _ in range(2)]]
    asked = [await propose(pulang, case) for case in cases[:2]]
    asked.append((await ask_to_close(pulang, cases[2], "transferred"))["approval_id"])
    pages, path = [], "/intake/approvals?status=requested&limit=2"
    while path:
        page = (await pulang.administrator.get(path)).json()
        pages += [one["approval_id"] for one in page["items"]]
        path = f"/intake/approvals?status=requested&limit=2&after={page['next']}" if "next" in page else ""
    assert pages == sorted(asked)
    closing = (await head(pulang).get("/intake/approvals?kind=transfer")).json()["items"]
    assert [one["case_id"] for one in closing] == [cases[2]]
    stranger = supervisor(pulang, agency="kemensos")
    assert (await stranger.get("/intake/approvals")).json()["items"] == []
    for theirs in (
        await stranger.get(f"/intake/approvals/{asked[0]}"),
        await approve(pulang, asked[0], agency="kemensos"),
        await approve(pulang, UNKNOWN),
        await stranger.post(f"/intake/approvals/{asked[0]}/withdrawal"),
    ):
        assert kind(theirs) == (404, "approval-unknown")
    findings = {
        "officer": (await pulang.officer().get(f"/intake/approvals/{asked[0]}")).json(),
        "colleague": (
            await pulang.user("arrival_officer", "bp2mi", "TNJ", subject="rekan").get(f"/intake/approvals/{asked[0]}")
        ).json(),
        "administrator": (await pulang.administrator.get(f"/intake/approvals/{asked[0]}")).json(),
    }
    shown = {who: "finding" in view for who, view in findings.items()}
    assert shown == {"officer": True, "colleague": False, "administrator": False}


@pytest.mark.either_database
async def test_two_who_decide_at_once_do_it_once(pulang: Pulang) -> None:
    case = await arrival(pulang)
    approval = await propose(pulang, case)
    answers = await asyncio.gather(*(approve(pulang, approval, name=f"kepala-{number}") for number in range(6)))
    assert [one.status_code for one in answers] == [201] * 6
    assert len({one.text for one in answers}) == 1
    assert facts(pulang, case).count("case.identified") == 1


async def test_who_is_at_home_has_nothing_open_whatever_the_shelter_wrote_down(pulang: Pulang) -> None:
    shelter, (case,) = await in_shelter(pulang)
    await shelter.checks_in(case)
    plan = trip(case)
    await pulang.staff().done("/intake/trips", plan)
    await pulang.staff().done(f"/intake/trips/{plan['id']}/departure", {"occurred_at": "2026-11-08"})
    await pulang.staff().done(f"/intake/trips/{plan['id']}/arrivals", {"occurred_at": "2026-11-10"})
    assert (await case_of(pulang, case))["htcds_status"] == "FollowUp"
    body = closure(case, outcome="returned", on="2026-11-11")
    await supervisor(pulang, agency="kemensos").done("/intake/closures", body)
    assert (await case_of(pulang, case))["htcds_status"] == "Closed"


async def test_a_referral_without_an_answer_is_taken_back_by_an_approved_closing(pulang: Pulang) -> None:
    case = await arrival(pulang)
    await ShelterVoice(pulang).opens()
    (referral,) = await refer(pulang, case)
    asked = await ask_to_close(pulang, case)
    assert asked["open_work"] == [{"code": "referral_pending", "id": referral}]
    await supervisor(pulang).done(f"/intake/approvals/{asked['approval_id']}/withdrawal", None)
    await close_with_approval(pulang, case)
    assert facts(pulang, case)[-2:] == ["referral.revoked", "case.closed"]
