"""What each role sees through every GET of intake; and the figures."""

import uuid

from tests.services.intake.story import SHELTER, ShelterVoice, kind, pointers
from tests.services.intake.test_consent import consent
from tests.world import Pulang, User

OTHER = "BALAI-MULYA-JAYA"
YEAR = "/intake/figures?from=2026-01-01&until=2026-12-31"


async def two_places(pulang: Pulang) -> tuple[str, str, str]:
    """A case from TNJ in the shelter of Kemensos, one from BTM in that of Dinsos; a trip of the first."""
    await pulang.open_post()
    await pulang.open_post("BTM")
    shelter = ShelterVoice(pulang)
    await shelter.opens()
    await shelter.opens(OTHER, agency="dinsos")
    mine, theirs = await pulang.register(), await pulang.register("BTM", sex="M")
    await shelter.accepts(mine)
    await shelter.accepts(theirs, shelter=OTHER, post="BTM")
    trip = {
        "id": str(uuid.uuid4()),
        "mode": "bus",
        "from_facility": SHELTER,
        "departs_on": "2026-11-08",
        "people": [{"case_id": mine, "regency": "35.07"}],
    }
    await pulang.staff().done("/intake/trips", trip)
    return mine, theirs, trip["id"]


async def seen_by(user: User) -> set[str] | int:
    answer = await user.get("/intake/cases")
    return {case["case_id"] for case in answer.json()["items"]} if answer.status_code == 200 else answer.status_code


async def test_the_list_and_each_case_show_the_same_scope(pulang: Pulang) -> None:
    mine, theirs, _ = await two_places(pulang)
    both, nothing = {mine, theirs}, set[str]()
    users: list[tuple[User, set[str] | int]] = [
        (pulang.officer("TNJ"), {mine}),
        (pulang.officer("BTM"), {theirs}),
        (pulang.user("arrival_officer", "bp2mi"), nothing),
        (pulang.user("arrival_officer", "bp2mi", ["TNJ", "BTM"]), both),
        (pulang.staff(), {mine}),
        (pulang.staff(OTHER), {theirs}),
        (pulang.user("supervisor", "bp2mi"), both),
        (pulang.user("supervisor", "kemensos"), {mine}),
        (pulang.user("supervisor", "dinsos"), {theirs}),
        (pulang.user("supervisor", "iom"), nothing),
        (pulang.user("supervisor", "iom", "TNJ"), {mine}),
        (pulang.administrator, both),
        (pulang.reader("kemensos"), 403),
        (pulang.user("integrator", "kemensos"), 403),
        (pulang.user("auditor", "kemensos"), 403),
        (pulang.user("aid_officer", "kemensos", SHELTER), 403),
        (pulang.user("counsellor", "kemensos", SHELTER), 403),
        (pulang.user("director", "kemensos", SHELTER), 403),
    ]
    for number, (user, expected) in enumerate(users):
        seen = await seen_by(user)
        assert seen == expected, number
        for case in (mine, theirs):
            inside = isinstance(seen, set) and case in seen
            alone = await user.get(f"/intake/cases/{case}")
            assert alone.status_code == (403 if seen == 403 else 200 if inside else 404)
            referrals = await user.get(f"/intake/cases/{case}/referrals")
            assert referrals.status_code == (403 if seen == 403 else 200 if inside else 404)
            assert len(referrals.json().get("items", ())) == int(inside)


async def test_filters_narrow_the_scope_and_never_widen_it(pulang: Pulang) -> None:
    mine, theirs, _ = await two_places(pulang)
    officer = pulang.officer("TNJ")
    for query, expected in (
        ("?arrival_point=TNJ", {mine}),
        ("?arrival_point=BTM", set()),
        (f"?facility={OTHER}", set()),
        (f"?facility={SHELTER}", {mine}),
        ("?status=open", {mine}),
        ("?status=closed", set()),
        (f"?manifest={uuid.uuid4()}", set()),
        ("?limit=1", {mine}),
    ):
        items = (await officer.get(f"/intake/cases{query}")).json()["items"]
        assert {case["case_id"] for case in items} == expected, query
    first = (await pulang.administrator.get("/intake/cases?limit=1")).json()
    stolen = await officer.get(f"/intake/cases?after={first['next']}")
    assert {case["case_id"] for case in stolen.json()["items"]} <= {mine}
    assert theirs not in stolen.text


async def test_a_trip_and_the_places(pulang: Pulang) -> None:
    _, _, trip = await two_places(pulang)
    expected = [
        (pulang.staff(), 200, 200),
        (pulang.staff(OTHER), 404, 200),
        (pulang.user("supervisor", "kemensos"), 200, 200),
        (pulang.user("supervisor", "dinsos"), 404, 200),
        (pulang.administrator, 200, 200),
        (pulang.officer(), 403, 200),
        (pulang.reader("kemensos"), 403, 403),
        (pulang.user("auditor", "kemensos"), 403, 403),
    ]
    for number, (user, trip_status, places_status) in enumerate(expected):
        assert (await user.get(f"/intake/trips/{trip}")).status_code == trip_status, number
        assert (await user.get("/intake/places")).status_code == places_status, number
        assert (await user.get("/intake/places/TNJ")).status_code == places_status, number
    assert kind(await pulang.staff().get(f"/intake/trips/{uuid.uuid4()}")) == (404, "trip-unknown")
    assert (await pulang.staff().get("/intake/places/NOWHERE")).status_code == 404


async def test_figures_count_the_cases_in_scope(pulang: Pulang) -> None:
    mine, theirs, _ = await two_places(pulang)
    for case, post in ((mine, "TNJ"), (theirs, "BTM")):
        body = consent(("iom", "identified"), ("kemensos", "pseudonymous"))
        await pulang.officer(post).done(f"/intake/cases/{case}/consents", body)
    finding = {"trafficking_status": "NotAVictimOfTrafficking", "occurred_at": "2026-11-03"}
    await pulang.officer().done(f"/intake/cases/{mine}/screenings", finding)
    whole = (await pulang.administrator.get(YEAR)).json()
    assert whole == {
        "cases": 2,
        "by_trafficking_status": {"NotAVictimOfTrafficking": 1},
        "by_arrival_point": {"BTM": 1, "TNJ": 1},
        "by_sex": {"F": 1, "M": 1},
        "identity_consent": {"iom": 2},
    }
    assert (await pulang.staff().get(YEAR)).json()["by_sex"] == {"F": 1}
    assert (await pulang.user("supervisor", "dinsos").get(YEAR)).json()["by_sex"] == {"M": 1}
    assert (await pulang.user("supervisor", "iom").get(YEAR)).json()["cases"] == 0
    for user in (pulang.officer(), pulang.reader("kemensos"), pulang.user("auditor", "kemensos")):
        assert (await user.get(YEAR)).status_code == 403


async def test_figures_count_from_the_first_day_up_to_and_with_the_last(pulang: Pulang) -> None:
    await two_places(pulang)
    for since, until, cases in (
        ("2026-11-03", "2026-11-03", 2),
        ("2026-11-04", "2026-12-31", 0),
        ("2026-01-01", "2026-11-02", 0),
        ("2026-11-03", "2026-11-04", 2),
    ):
        answer = await pulang.administrator.get(f"/intake/figures?from={since}&until={until}")
        assert answer.json()["cases"] == cases
    for query, where in (
        ("?from=2026-11-04&until=2026-11-03", "query.until"),
        ("?from=2026-11-04", "query.until"),
        ("?until=2026-11-04", "query.from"),
        ("?from=1&until=2026-11-04", "query.from"),
        ("?from=2026-02-30&until=2026-11-04", "query.from"),
    ):
        answer = await pulang.administrator.get(f"/intake/figures{query}")
        assert (answer.status_code, pointers(answer)) == (422, [where])


async def test_queries_that_cannot_be_say_where(pulang: Pulang) -> None:
    await two_places(pulang)
    for path, where in (
        ("/intake/cases?limit=0", "query.limit"),
        ("/intake/cases?limit=1001", "query.limit"),
        ("/intake/cases?limit=99999999999999999999999", "query.limit"),
        ("/intake/cases?after=x", "query.after"),
        ("/intake/cases?after=%F0%9F%98%80", "query.after"),
        ("/intake/cases?status=dead", "query.status"),
        ("/intake/cases?facility=a", "query.facility"),
        ("/intake/cases?manifest=1", "query.manifest"),
        ("/intake/cases/1", "path.case_id"),
        ("/intake/cases/1/referrals", "path.case_id"),
        ("/intake/trips/x", "path.trip_id"),
        ("/intake/places/x", "path.code"),
    ):
        answer = await pulang.administrator.get(path)
        assert (answer.status_code, pointers(answer)) == (422, [where]), path
