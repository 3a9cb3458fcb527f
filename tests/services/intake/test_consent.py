"""Consent: what the person decided, who gave it, and what holds."""

import uuid
from typing import Any

from tests.services.intake.story import case_of, facts, kind, pointers, rows_of, told
from tests.world import Pulang

GUARDIAN = {"given_by": "guardian", "guardian": {"name": "Ibu Contoh", "relation": "ibu"}}


def consent(*decisions: tuple[str, str] | dict[str, Any], **more: Any) -> dict[str, Any]:
    """A conversation: `("iom", "pseudonymous")`, or `("iom", "withdrawn")`."""
    said = []
    for one in decisions:
        if isinstance(one, dict):
            said.append(one)
        elif one[1] in ("refused", "withdrawn", "expired"):
            said.append({"agency": one[0], "status": one[1], "level": "none"})
        else:
            said.append({"agency": one[0], "level": one[1]})
    return {"decisions": said, "given_by": "person", "occurred_at": "2026-11-03"} | more


async def person(pulang: Pulang, **particulars: Any) -> str:
    await pulang.open_post()
    return await pulang.register(**particulars)


async def test_one_conversation_is_one_event_with_a_decision_per_agency(pulang: Pulang) -> None:
    case = await person(pulang)
    body = consent(("kemensos", "identified"), ("iom", "pseudonymous"), ("bp2mi", "refused"), witness="Saksi Contoh")
    answer = await pulang.officer().done(f"/intake/cases/{case}/consents", body)
    assert answer["agencies"] == {"bp2mi": "none", "iom": "pseudonymous", "kemensos": "identified"}
    fact, event = told(pulang, case)[-1]
    assert fact == "case.consent_changed"
    assert event["data"]["given_by"] == "person"
    assert [one["agency"] for one in event["data"]["decisions"]] == ["kemensos", "iom", "bp2mi"]
    assert (await case_of(pulang, case))["consent_recorded"] is True


async def test_levels_rise_fall_and_end(pulang: Pulang) -> None:
    case = await person(pulang)
    for number, level in enumerate(("pseudonymous", "identified", "pseudonymous", "withdrawn", "identified")):
        body = consent(("iom", level), occurred_at=f"2026-11-{3 + number:02}")
        answer = await pulang.officer().done(f"/intake/cases/{case}/consents", body)
        assert answer["agencies"] == {"iom": "none" if level == "withdrawn" else level}
    statuses = [event["data"]["decisions"][0]["status"] for _, event in told(pulang, case)[1:]]
    assert statuses == ["given", "given", "given", "withdrawn", "given"]


async def test_who_gave_it_and_before_whom_is_kept_sealed_and_never_told(pulang: Pulang) -> None:
    case = await person(pulang, birth_date="2015-01-01")
    body = consent(("iom", "identified"), witness="Saksi Contoh", language="jv", **GUARDIAN)
    await pulang.officer().done(f"/intake/cases/{case}/consents", body)
    await pulang.settled()
    content = b"".join(path.read_bytes() for path in pulang.settings.data.rglob("*") if path.is_file())
    assert b"Saksi Contoh" not in content
    assert b"Ibu Contoh" not in content
    ((language, by),) = rows_of(pulang, "SELECT language, recorded_by FROM consent_records")
    assert (language, by) == ("jv", "arrival_officer@bp2mi")


async def test_a_guardian_decides_for_a_minor_until_they_are_of_age(pulang: Pulang) -> None:
    child = await person(pulang, birth_date="2008-11-10")
    path = f"/intake/cases/{child}/consents"
    refused = await pulang.officer().post(path, consent(("iom", "identified")))
    assert (refused.status_code, pointers(refused)) == (422, ["#/given_by"])
    await pulang.officer().done(path, consent(("iom", "identified"), **GUARDIAN))
    day_before = await pulang.officer().post(path, consent(("iom", "withdrawn"), occurred_at="2026-11-09"))
    assert day_before.status_code == 422
    birthday = await pulang.officer().done(path, consent(("iom", "withdrawn"), occurred_at="2026-11-10"))
    assert birthday["agencies"] == {"iom": "none"}


async def test_an_unknown_age_counts_as_of_age(pulang: Pulang) -> None:
    case = await person(pulang, birth_date=None)
    await pulang.officer().done(f"/intake/cases/{case}/consents", consent(("iom", "identified")))
    await pulang.officer().done(f"/intake/cases/{case}/consents", consent(("iom", "pseudonymous"), **GUARDIAN))


async def test_a_form_of_the_morning_opens_nothing_that_was_closed_at_noon(pulang: Pulang) -> None:
    case, day = await person(pulang), "2026-11-10T{}:00:00+07:00"
    path = f"/intake/cases/{case}/consents"
    await pulang.officer().done(path, consent(("iom", "withdrawn"), occurred_at=day.format(12)))
    late = await pulang.officer().post(path, consent(("iom", "identified"), occurred_at=day.format("09")))
    assert kind(late) == (409, "decided-since")
    await pulang.officer().done(path, consent(("iom", "identified"), occurred_at=day.format(15)))
    # Who withdraws is heard, also where only the day was written down.
    await pulang.officer().done(path, consent(("iom", "withdrawn"), occurred_at="2026-11-10"))


async def test_what_is_entered_late_does_not_undo_what_was_decided_after_it(pulang: Pulang) -> None:
    case = await person(pulang)
    path = f"/intake/cases/{case}/consents"
    await pulang.officer().done(path, consent(("iom", "withdrawn"), occurred_at="2026-11-10"))
    late = consent(("kemensos", "identified"), ("iom", "identified"), occurred_at="2026-11-05")
    answer = await pulang.officer().post(path, late)
    assert kind(answer) == (409, "decided-since")
    assert pointers(answer) == ["#/decisions/1"]
    assert facts(pulang, case) == ["case.registered", "case.consent_changed"]
    same_day = consent(("iom", "identified"), occurred_at="2026-11-10")
    assert (await pulang.officer().done(path, same_day))["agencies"] == {"iom": "identified"}


async def test_a_conversation_of_the_clients_own_id_is_told_once(pulang: Pulang) -> None:
    case = await person(pulang)
    path, mine = f"/intake/cases/{case}/consents", {"id": str(uuid.uuid4()), "witness": "Saksi Contoh"}
    first = await pulang.officer().done(path, consent(("iom", "identified"), **mine))
    assert await pulang.officer().done(path, consent(("iom", "identified"), **mine)) == first
    for change in ({"witness": "Lain"}, {"language": "en"}, {"occurred_at": "2026-11-04"}):
        answer = await pulang.officer().post(path, consent(("iom", "identified"), **mine) | change)
        assert kind(answer) == (409, "id-taken")
    assert facts(pulang, case) == ["case.registered", "case.consent_changed"]


async def test_who_withdraws_may_do_so_for_ever(pulang: Pulang) -> None:
    case = await person(pulang)
    close = {"outcome": "withdrawn", "cases": [case], "occurred_at": "2026-11-04"}
    supervisor = pulang.user("supervisor", "bp2mi")
    await supervisor.done("/intake/closures", close)
    withdrawn = consent(("iom", "withdrawn"), occurred_at="2026-11-05")
    assert (await supervisor.done(f"/intake/cases/{case}/consents", withdrawn))["agencies"] == {"iom": "none"}


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    (consent(), "#/decisions"),
    (consent(("iom", "none")), "#/decisions/0"),
    (consent({"agency": "iom", "status": "refused", "level": "identified"}), "#/decisions/0"),
    (consent({"agency": "iom", "status": "withdrawn", "level": "pseudonymous"}), "#/decisions/0"),
    (consent({"agency": "iom", "status": "expired", "level": "identified"}), "#/decisions/0"),
    (
        consent({"agency": "iom", "status": "refused", "level": "none", "expires_on": "2027-01-01"}),
        "#/decisions/0",
    ),
    (consent({"agency": "iom", "status": "perhaps", "level": "none"}), "#/decisions/0/status"),
    (consent({"agency": "iom", "level": "identified", "expires_on": "2026-11-03"}), "#/decisions/0/expires_on"),
    (consent({"agency": "iom", "level": "identified", "expires_on": "2026-02-30"}), "#/decisions/0/expires_on"),
    (consent({"agency": "IOM", "level": "identified"}), "#/decisions/0/agency"),
    (consent({"agency": "iom", "level": "all"}), "#/decisions/0/level"),
    (consent(("iom", "identified"), ("iom", "refused")), "#"),
    (consent(*((f"a{n}", "identified") for n in range(51))), "#/decisions"),
    (consent(("iom", "identified"), given_by="guardian"), "#"),
    (consent(("iom", "identified"), guardian=GUARDIAN["guardian"]), "#"),
    (consent(("iom", "identified"), given_by="guardian", guardian={"name": "x"}), "#/guardian/relation"),
    (consent(("iom", "identified"), given_by="officer"), "#/given_by"),
    (consent(("iom", "identified"), witness="\x07"), "#/witness"),
    (consent(("iom", "identified"), language="bahasa"), "#/language"),
    (consent(("iom", "identified"), occurred_at="2199-01-01"), "#/occurred_at"),
    (consent(("iom", "identified"), occurred_at=1), "#/occurred_at"),
]


async def test_a_consent_that_cannot_be_says_where(pulang: Pulang) -> None:
    case = await person(pulang)
    for body, pointer in IMPOSSIBLE:
        answer = await pulang.officer().post(f"/intake/cases/{case}/consents", body)
        assert answer.status_code == 422, body
        assert any(str(found).startswith(pointer) for found in pointers(answer)), (body, answer.text)
    assert (await case_of(pulang, case))["consent_recorded"] is False
    assert facts(pulang, case) == ["case.registered"]
