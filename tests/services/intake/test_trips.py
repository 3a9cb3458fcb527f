"""The journey home."""

import uuid
from typing import Any

import pytest

from tests.services.intake.approving import close_with_approval
from tests.services.intake.story import SHELTER, ShelterVoice, case_of, facts, intake_of, kind, pointers, refer, told
from tests.world import Pulang

OTHER = "BALAI-MULYA-JAYA"


async def in_shelter(pulang: Pulang, count: int = 1, **particulars: Any) -> tuple[ShelterVoice, list[str]]:
    """People in the hands of the shelter."""
    await pulang.open_post()
    shelter = ShelterVoice(pulang)
    await shelter.opens(**particulars)
    cases = [await pulang.register() for _ in range(count)]
    await shelter.accepts(*cases)
    return shelter, cases


def trip(*cases: str, **change: Any) -> dict[str, Any]:
    people = [{"case_id": case, "regency": "35.07"} for case in cases]
    return {
        "id": str(uuid.uuid4()),
        "mode": "ship",
        "from_facility": SHELTER,
        "departs_on": "2026-11-08",
        "people": people,
    } | change


def seats(view: dict[str, Any]) -> list[str]:
    return [person["status"] for person in view["people"]]


@pytest.mark.either_database
async def test_a_group_goes_home(pulang: Pulang) -> None:
    _, cases = await in_shelter(pulang, 3)
    plan = trip(*cases, occurred_at="2026-11-05")
    planned = await pulang.staff().done("/intake/trips", plan)
    assert (planned["status"], seats(planned)) == ("planned", ["planned"] * 3)
    path = f"/intake/trips/{plan['id']}"
    departed = await pulang.staff().done(f"{path}/departure", {"occurred_at": "2026-11-08"})
    assert (departed["status"], seats(departed)) == ("departed", ["departed"] * 3)
    assert (await case_of(pulang, cases[0]))["phase"] == "on_the_way"
    first = await pulang.staff().done(f"{path}/arrivals", {"cases": cases[:1], "occurred_at": "2026-11-09"})
    assert (first["status"], sorted(seats(first))) == ("departed", ["arrived", "departed", "departed"])
    rest = await pulang.staff().done(f"{path}/arrivals", {"occurred_at": "2026-11-10"})
    assert (rest["status"], seats(rest)) == ("arrived", ["arrived"] * 3)
    for case in cases:
        assert facts(pulang, case)[2:] == ["return.planned", "return.departed", "return.arrived"]
        assert (await case_of(pulang, case))["phase"] == "home"
    _, event = told(pulang, cases[0])[-1]
    assert event["data"] == {"trip": plan["id"], "regency": "35.07"}
    assert event["time"].startswith("2026-11-09T05:00")
    assert (await pulang.staff().get(path)).json() == rest


async def test_every_step_may_be_repeated(pulang: Pulang) -> None:
    _, cases = await in_shelter(pulang, 2)
    plan = trip(*cases)
    path = f"/intake/trips/{plan['id']}"
    steps: list[tuple[str, dict[str, Any]]] = [
        ("/intake/trips", plan),
        (f"{path}/departure", {"occurred_at": "2026-11-08"}),
        (f"{path}/arrivals", {"cases": cases[:1], "occurred_at": "2026-11-09"}),
        (f"{path}/arrivals", {"occurred_at": "2026-11-09"}),
    ]
    for where, body in steps:
        await pulang.staff().done(where, body)
    before = [told(pulang, case) for case in cases]
    last = (await pulang.staff().get(path)).json()
    for where, body in steps:
        again = await pulang.staff().done(where, body)
        assert sorted(again["people"], key=str) == sorted(last["people"], key=str)
    assert [told(pulang, case) for case in cases] == before


async def test_the_id_of_a_trip_belongs_to_one_trip(pulang: Pulang) -> None:
    _, (one, two) = await in_shelter(pulang, 2)
    plan = trip(one)
    await pulang.staff().done("/intake/trips", plan)
    for change in (
        {"departs_on": "2026-11-09"},
        {"mode": "bus"},
        {"people": [{"case_id": two, "regency": "35.07"}]},
        {"people": [{"case_id": one, "regency": "35.08"}]},
    ):
        assert kind(await pulang.staff().post("/intake/trips", plan | change)) == (409, "id-taken")
    assert facts(pulang, two)[-1] != "return.planned"


async def test_nobody_gets_a_seat_where_one_cannot(pulang: Pulang) -> None:
    shelter, (fit, travelling, gone) = await in_shelter(pulang, 3)
    await shelter.opens(OTHER)
    await pulang.staff().done("/intake/trips", trip(travelling))
    elsewhere, asked, at_post = [await pulang.register() for _ in range(3)]
    await shelter.accepts(elsewhere, shelter=OTHER)
    await refer(pulang, asked)
    await close_with_approval(pulang, gone, "deceased", "2026-11-04")
    both = pulang.user("shelter_staff", "kemensos", [SHELTER, OTHER])
    refused: list[tuple[dict[str, Any], tuple[int, str], list[str]]] = [
        (trip(fit, travelling), (409, "return-not-possible"), ["#/people/1/case_id"]),
        (trip(fit, elsewhere), (409, "not-in-hand"), ["#/people/1/case_id"]),
        (trip(asked, fit), (409, "not-in-hand"), ["#/people/0/case_id"]),
        (trip(fit, at_post), (404, "case-unknown"), ["#/people/1/case_id"]),
        (trip(fit, str(uuid.uuid4())), (404, "case-unknown"), ["#/people/1/case_id"]),
        (trip(fit, gone), (409, "case-is-closed"), ["#/people/1/case_id"]),
        (trip(fit, fit), (422, "named-twice"), ["#/people/1/case_id"]),
        (trip(fit, departs_on="2026-11-02"), (422, "impossible-date"), ["#/people/0/case_id"]),
        (trip(fit, from_facility="TNJ"), (404, "place-unknown"), ["#/from_facility"]),
        (
            trip(people=[{"case_id": fit, "regency": "99.99"}]),
            (422, "regency-unknown"),
            ["#/people/0/regency"],
        ),
    ]
    for body, problem, where in refused:
        answer = await both.post("/intake/trips", body)
        assert (kind(answer), pointers(answer)) == (problem, where)
        assert (await both.get(f"/intake/trips/{body['id']}")).status_code == 404
    late = await both.post("/intake/trips", trip(fit, elsewhere))
    assert late.headers["retry-after"] == "1"  # the shelter's acceptance may be on its way
    foreign = await pulang.staff(OTHER).post("/intake/trips", trip(elsewhere))
    assert kind(foreign) == (404, "place-unknown")
    assert facts(pulang, fit) == ["case.registered", "referral.made"]


async def test_nobody_arrives_before_they_left_or_on_a_trip_that_is_not_theirs(pulang: Pulang) -> None:
    _, (one, two) = await in_shelter(pulang, 2)
    plan = trip(one)
    await pulang.staff().done("/intake/trips", plan)
    path = f"/intake/trips/{plan['id']}"
    arrive = {"occurred_at": "2026-11-09"}
    assert kind(await pulang.staff().post(f"{path}/arrivals", arrive)) == (409, "return-not-possible")
    early = await pulang.staff().post(f"{path}/arrivals", arrive | {"cases": [one]})
    assert (kind(early), pointers(early)) == ((409, "return-not-possible"), ["#/cases/0"])
    too_soon = await pulang.staff().post(f"{path}/departure", {"occurred_at": "2026-11-02"})
    assert (kind(too_soon), pointers(too_soon)) == ((422, "impossible-date"), ["#/occurred_at"])
    await pulang.staff().done(f"{path}/departure", {"occurred_at": "2026-11-08T15:00:00+07:00"})
    for when in ("2026-11-07", "2026-11-08T14:59:00+07:00", "2199-01-01"):
        answer = await pulang.staff().post(f"{path}/arrivals", {"occurred_at": when})
        assert (kind(answer), pointers(answer)) == ((422, "impossible-date"), ["#/occurred_at"])
    stranger = await pulang.staff().post(f"{path}/arrivals", arrive | {"cases": [one, two]})
    assert (kind(stranger), pointers(stranger)) == ((404, "case-unknown"), ["#/cases/1"])
    assert facts(pulang, one)[-1] == "return.departed"
    same_day = await pulang.staff().done(f"{path}/arrivals", {"occurred_at": "2026-11-08"})
    assert same_day["status"] == "arrived"


async def test_a_trip_is_seen_and_moved_by_its_own_shelter_alone(pulang: Pulang) -> None:
    _, (case,) = await in_shelter(pulang)
    plan = trip(case)
    await pulang.staff().done("/intake/trips", plan)
    path = f"/intake/trips/{plan['id']}"
    for stranger in (pulang.staff(OTHER), pulang.user("supervisor", "bp2mi")):
        assert kind(await stranger.get(path)) == (404, "trip-unknown")
        for step in ("departure", "arrivals"):
            answer = await stranger.post(f"{path}/{step}", {"occurred_at": "2026-11-08"})
            assert kind(answer) == (404, "trip-unknown")
    assert (await pulang.user("supervisor", "kemensos").get(path)).status_code == 200


async def test_a_date_is_noon_at_the_shelter(pulang: Pulang) -> None:
    _, (case,) = await in_shelter(pulang, time_zone="Asia/Jayapura")
    plan = trip(case)
    await pulang.staff().done("/intake/trips", plan)
    await pulang.staff().done(f"/intake/trips/{plan['id']}/departure", {"occurred_at": "2026-11-08"})
    assert told(pulang, case)[-1][1]["time"] == "2026-11-08T03:00:00.000000Z"


async def test_who_is_closed_on_the_way_leaves_the_trip(pulang: Pulang) -> None:
    _, (dies, waits, arrives) = await in_shelter(pulang, 3)
    plan = trip(dies, waits, arrives)
    path = f"/intake/trips/{plan['id']}"
    await pulang.staff().done("/intake/trips", plan)
    supervisor = pulang.user("supervisor", "kemensos")
    await close_with_approval(pulang, waits, "disappeared", "2026-11-07", "kemensos")
    await pulang.staff().done(f"{path}/departure", {"occurred_at": "2026-11-08"})
    assert facts(pulang, waits)[-1] == "case.closed"
    await close_with_approval(pulang, dies, "deceased", "2026-11-09", "kemensos")
    named = await pulang.staff().post(f"{path}/arrivals", {"cases": [arrives, dies], "occurred_at": "2026-11-10"})
    assert (kind(named), pointers(named)) == ((409, "case-is-closed"), ["#/cases/1"])
    home = await pulang.staff().done(f"{path}/arrivals", {"occurred_at": "2026-11-10"})
    assert (home["status"], sorted(seats(home))) == ("arrived", ["arrived", "cancelled", "cancelled"])
    assert facts(pulang, dies)[-2:] == ["return.departed", "case.closed"]
    await supervisor.done(f"/intake/cases/{waits}/reopening", {"occurred_at": "2026-11-11"})
    second = await pulang.staff().done("/intake/trips", trip(waits, departs_on="2026-11-12"))
    assert seats(second) == ["planned"]


async def test_the_database_itself_gives_a_person_one_open_seat(pulang: Pulang) -> None:
    from sqlalchemy import insert
    from sqlalchemy.exc import IntegrityError

    from services.intake.models import Seat
    from shared.database.models import table_of

    _, (case,) = await in_shelter(pulang)
    await pulang.staff().done("/intake/trips", trip(case))
    row = {"trip_id": str(uuid.uuid4()), "case_id": case, "regency": "35.07", "status": "departed"}
    refused: Exception | None = None
    try:
        await intake_of(pulang).desk.write(lambda work: work.session.execute(insert(table_of(Seat)), [row]))
    except IntegrityError as error:
        refused = error
    assert refused is not None


async def test_a_trip_that_cannot_be_says_where(pulang: Pulang) -> None:
    _, (case,) = await in_shelter(pulang)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"id": None}, "#/id"),
        ({"id": "1"}, "#/id"),
        ({"mode": "donkey"}, "#/mode"),
        ({"from_facility": "x"}, "#/from_facility"),
        ({"departs_on": "2026-11-31"}, "#/departs_on"),
        ({"departs_on": 20261108}, "#/departs_on"),
        ({"departs_on": "1066-10-14"}, "#/departs_on"),
        ({"people": []}, "#/people"),
        ({"people": [case]}, "#/people/0"),
        ({"people": [{"case_id": case}]}, "#/people/0/regency"),
        ({"people": [{"case_id": case, "regency": "3507"}]}, "#/people/0/regency"),
        ({"occurred_at": "2199-01-01"}, "#/occurred_at"),
        ({"captain": "x"}, "#"),
    ]
    for change, pointer in wrong:
        answer = await pulang.staff().post("/intake/trips", trip(case) | change)
        assert answer.status_code == 422, change
        assert pointer in pointers(answer), (change, answer.text)
    plan = trip(case)
    await pulang.staff().done("/intake/trips", plan)
    for step, body, pointer in (
        ("departure", {}, "#/occurred_at"),
        ("departure", {"occurred_at": "2199-01-01"}, "#/occurred_at"),
        ("departure", {"occurred_at": "2026-11-08", "cases": [case]}, "#"),
        ("arrivals", {"occurred_at": "tomorrow"}, "#/occurred_at"),
        ("arrivals", {"occurred_at": "2026-11-08", "cases": []}, "#/cases"),
        ("arrivals", {"occurred_at": "2026-11-08", "cases": [1]}, "#/cases/0"),
    ):
        answer = await pulang.staff().post(f"/intake/trips/{plan['id']}/{step}", body)
        assert answer.status_code == 422, body
        assert any(str(found).startswith(pointer) for found in pointers(answer)), (body, answer.text)
    assert facts(pulang, case)[-1] == "return.planned"
