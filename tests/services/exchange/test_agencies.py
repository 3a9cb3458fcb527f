"""Agencies are data: they join, get another policy and leave while everything runs."""

import asyncio
from typing import Any

import httpx
import pytest

from services.exchange.disclosure import disclose
from shared.events.intake import CaseRegistered, ConsentChanged
from shared.settings import Settings
from tests.services.exchange.hearing import AGENCIES, Exchange, Narrator, listening, new_id, types
from tests.services.exchange.samples import TYPES, agency, golden

OFFICE: dict[str, Any] = {"name": "Dinas Sosial", "kind": "social_office", "withheld": []}


async def join(exchange: Exchange, **body: Any) -> httpx.Response:
    return await exchange.send("PUT", "/exchange/agencies/dinsos", OFFICE | body)


async def test_pulang_begins_with_three_agencies_and_withholds_alerts_from_all(exchange: Exchange) -> None:
    items = (await exchange.get("/exchange/agencies")).json()["items"]
    assert [one["agency"] for one in items] == list(AGENCIES)
    assert {tuple(one["withheld"]) for one in items} == {("pulang.psychosocial.alert_raised.v1",)}


async def test_an_agency_that_joins_has_the_log_that_it_would_have_had(exchange: Exchange, narrator: Narrator) -> None:
    case, other = new_id(), new_id()
    await exchange.hear(
        narrator.opened("RPTC-A", "kemensos"),
        narrator.registered(case),
        narrator.consent(case, dinsos="identified", iom="identified"),
        narrator.screened(case),
        narrator.registered(other),
    )
    assert (await exchange.get("/exchange/feed", "dinsos", "reader")).status_code == 403
    joined = await join(exchange)
    assert joined.status_code == 200, joined.text
    assert joined.json()["version"] == 1
    assert types(await exchange.of_case("dinsos", case)) == types(await exchange.of_case("iom", case)) != []
    await exchange.hear(narrator.consent(other, dinsos="pseudonymous"), narrator.issued(case))
    assert types(await exchange.of_case("dinsos", other)) == ["case.registered", "case.consent_changed"]
    assert types(await exchange.of_case("dinsos", case))[-1] == "aid.issued"
    on_topic = [one.value for one in await exchange.on_topic("dinsos")]
    assert len(on_topic) == len(await exchange.feed("dinsos"))


async def test_an_agency_that_joins_before_anything_was_told(exchange: Exchange, narrator: Narrator) -> None:
    assert (await join(exchange)).status_code == 200
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, dinsos="pseudonymous"))
    assert len(await exchange.of_case("dinsos", case)) == 2


async def test_who_leaves_gets_nothing_any_more(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await join(exchange)
    await exchange.hear(narrator.registered(case), narrator.consent(case, dinsos="identified", iom="identified"))
    sent = len(await exchange.on_topic("dinsos"))
    left = await exchange.send("DELETE", "/exchange/agencies/dinsos", if_match='"1"')
    assert left.status_code == 200, left.text
    assert left.json()["member"] is False
    await exchange.hear(narrator.screened(case))
    assert (await exchange.get("/exchange/feed", "dinsos", "reader")).status_code == 403
    assert len(await exchange.on_topic("dinsos")) == sent
    assert types(await exchange.of_case("iom", case))[-1] == "case.screened"
    again = await exchange.send("DELETE", "/exchange/agencies/dinsos", if_match='"2"')
    assert again.status_code == 404


async def test_a_reader_who_waits_is_told_when_the_agency_leaves(exchange: Exchange) -> None:
    await join(exchange)
    waiting = asyncio.create_task(exchange.get("/exchange/feed", "dinsos", "reader", wait=30))
    await asyncio.sleep(0.1)
    await exchange.send("DELETE", "/exchange/agencies/dinsos", if_match='"1"')
    assert (await asyncio.wait_for(waiting, 10)).status_code == 403


async def test_who_comes_back_is_told_what_consent_allows_now(exchange: Exchange, narrator: Narrator) -> None:
    withdrawn, kept = new_id(), new_id()
    await join(exchange)
    await exchange.hear(
        *(narrator.registered(case) for case in (withdrawn, kept)),
        *(narrator.consent(case, dinsos="identified") for case in (withdrawn, kept)),
    )
    await exchange.send("DELETE", "/exchange/agencies/dinsos", if_match='"1"')
    await exchange.hear(narrator.consent(withdrawn, dinsos="none"), narrator.screened(kept))
    assert (await join(exchange)).status_code == 428
    back = await exchange.send("PUT", "/exchange/agencies/dinsos", OFFICE, if_match='"2"')
    assert back.json()["version"] == 3
    await exchange.lets_in("dinsos")
    await exchange.settled()
    (end,) = await exchange.of_case("dinsos", withdrawn)
    assert end["data"]["deletion_requested"] == "case"
    assert types(await exchange.of_case("dinsos", kept)) == ["case.registered", "case.consent_changed", "case.screened"]


async def test_a_policy_is_changed_at_run_time_and_holds_for_what_was_told_before(
    exchange: Exchange, narrator: Narrator
) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"), narrator.screened(case))
    assert types(await exchange.of_case("iom", case))[-1] == "case.screened"
    iom = {"name": "IOM", "kind": "international_organisation", "withheld": ["pulang.case.screened.v1"]}
    changed = await exchange.send("PUT", "/exchange/agencies/iom", iom, if_match='"1"')
    assert changed.headers["etag"] == '"2"'
    assert types(await exchange.of_case("iom", case))[-1] == "withheld"
    versions = (await exchange.get("/exchange/agencies/iom/versions")).json()["items"]
    assert [(one["version"], one["changed_by"]) for one in versions] == [(2, "administrator@kemensos"), (1, "pulang")]
    for name in ("iom", "nobody"):
        stale = await exchange.send("PUT", f"/exchange/agencies/{name}", iom, if_match='"1"')
        assert stale.status_code == 412


async def test_fields_are_withheld_by_type(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    fact = CaseRegistered(
        arrival_point="TNJ",
        arrival_date=narrator.registered(new_id()).data["arrival_date"],
        sex="F",  # type: ignore[index]
        origin_regency="35.07",
        age_band="18--20",
    )
    await exchange.hear(narrator.tell("intake", case, fact), narrator.consent(case, iom="identified"))
    assert (await exchange.of_case("iom", case))[0]["data"]["origin_regency"] == "35.07"
    body = {"name": "IOM", "kind": "donor", "withheld_fields": {CaseRegistered.TYPE: ["origin_regency"]}}
    assert (await exchange.send("PUT", "/exchange/agencies/iom", body, if_match='"1"')).status_code == 200
    data = (await exchange.of_case("iom", case))[0]["data"]
    assert "origin_regency" not in data
    assert data["age_band"] == "18--20"


@pytest.mark.parametrize(
    "body",
    [
        {"withheld": [ConsentChanged.TYPE]},
        {"withheld": ["pulang.case.erased.v1"]},
        {"withheld": ["case.closed"]},
        {"withheld_fields": {ConsentChanged.TYPE: ["given_by"]}},
        {"withheld_fields": {CaseRegistered.TYPE: ["sex"]}},
        {"withheld_fields": {CaseRegistered.TYPE: ["nothing"]}},
        {"withheld_fields": {"pulang.case.unheard_of.v1": ["sex"]}},
        {"name": ""},
        {"kind": "A b"},
        {"member": False},
    ],
)
async def test_what_would_open_or_break_too_much_is_refused(exchange: Exchange, body: dict[str, Any]) -> None:
    answer = await join(exchange, **body)
    assert answer.status_code == 422, answer.text
    assert [one["agency"] for one in (await exchange.get("/exchange/agencies")).json()["items"]] == list(AGENCIES)


async def test_policies_are_an_administrators(exchange: Exchange) -> None:
    for role in ("auditor", "supervisor", "reader", "integrator"):
        refused = await exchange.send("PUT", "/exchange/agencies/dinsos", OFFICE, role=role)
        assert refused.status_code == 403, role
    assert (await exchange.get("/exchange/agencies", role="auditor")).status_code == 200
    assert (await exchange.get("/exchange/agencies/nobody")).status_code == 404


async def test_what_was_joined_is_there_after_a_restart(settings: Settings, narrator: Narrator) -> None:
    case = new_id()
    async with listening(settings) as exchange:
        await join(exchange)
        await exchange.hear(narrator.registered(case), narrator.consent(case, dinsos="identified"))
    async with listening(settings) as exchange:
        await exchange.hear(narrator.screened(case))
        assert len(await exchange.of_case("dinsos", case)) == len(await exchange.on_topic("dinsos")) == 3


@pytest.mark.parametrize("event_type", TYPES)
def test_an_agency_that_has_left_is_shown_nothing_of_any_type(event_type: str) -> None:
    gone = agency(member=False)
    for before in ("none", "pseudonymous", "identified", "public"):
        for after in ("none", "pseudonymous", "identified", "public"):
            assert disclose(gone, golden(event_type), before, after) is None  # type: ignore[arg-type]


async def test_who_is_not_to_have_a_finding_does_not_get_it_confirmed(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified", bp2mi="identified"))
    await exchange.hear(narrator.screened(case), narrator.identified(case))
    policies: list[dict[str, Any]] = [
        {"withheld": ["pulang.case.screened.v1"]},
        {"withheld_fields": {"pulang.case.screened.v1": ["care_layer", "methods_of_control"]}},
    ]
    for name, policy in zip(("iom", "bp2mi"), policies, strict=True):
        body = {"name": name, "kind": "government_agency"} | policy
        changed = await exchange.send("PUT", f"/exchange/agencies/{name}", body, if_match='"1"')
        assert changed.json() | policy == changed.json()
    assert types(await exchange.of_case("iom", case))[-2:] == ["withheld", "withheld"]
    told = (await exchange.of_case("bp2mi", case))[-1]
    assert told["type"] == "pulang.case.identified.v1"
    assert "methods_of_control" not in told["data"]
    assert "decided_by" in told["data"]
