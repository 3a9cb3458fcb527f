"""Requests to delete: who was asked, who has done so, and who is late."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import update
from sqlmodel import col

from services.exchange.commands.deletions import escalate
from services.exchange.models import DeletionRequest
from shared.metrics.asking import FRESH_SECONDS
from shared.work import Work
from tests.services.exchange.hearing import Exchange, Narrator, new_id


async def requests(exchange: Exchange, agency: str = "iom", role: str = "reader", **query: Any) -> list[dict[str, Any]]:
    answer = await exchange.get("/exchange/consent-requests", agency, role, **query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def acknowledge(exchange: Exchange, event: str, agency: str = "iom") -> httpx.Response:
    return await exchange.send("POST", "/exchange/acknowledgements", {"event": event}, agency, "integrator")


async def late_by_a_second(exchange: Exchange) -> None:
    def change(work: Work) -> None:
        work.session.execute(update(DeletionRequest).values(due_at=work.now - timedelta(seconds=1)))

    await exchange.service.desk.write(change)


async def test_an_ending_is_asked_for_and_acknowledged(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    assert await requests(exchange) == []
    end = narrator.consent(case, iom="none")
    await exchange.hear(end)
    (asked,) = await requests(exchange)
    assert (asked["event"], asked["agency"], asked["case_id"], asked["asks"]) == (end.id, "iom", case, "case")
    assert "acknowledged_at" not in asked
    answer = await acknowledge(exchange, end.id)
    assert answer.status_code == 201, answer.text
    again = await acknowledge(exchange, end.id)
    assert again.json() == answer.json()
    (done,) = await requests(exchange, state="acknowledged")
    assert done["acknowledged_at"] == answer.json()["acknowledged_at"]
    assert await requests(exchange, state="open") == []


async def test_lowering_asks_for_the_identity_alone(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(
        narrator.registered(case),
        *(narrator.consent(case, iom=level) for level in ("identified", "pseudonymous", "none")),
    )
    assert [one["asks"] for one in await requests(exchange)] == ["identity", "case"]


async def test_the_answer_to_an_ending_counts_for_what_it_overtook(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case))
    given = [
        narrator.consent(case, iom=level) for level in ("identified", "pseudonymous", "none", "identified", "none")
    ]
    await exchange.hear(*given)
    assert [one["asks"] for one in await requests(exchange, state="open")] == ["identity", "case", "case"]
    assert (await acknowledge(exchange, given[2].id)).status_code == 201
    (left,) = await requests(exchange, state="open")
    assert left["event"] == given[4].id


async def test_the_answer_to_a_lowering_counts_for_no_ending(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case))
    given = [narrator.consent(case, iom=level) for level in ("pseudonymous", "none", "identified", "pseudonymous")]
    await exchange.hear(*given)
    assert (await acknowledge(exchange, given[3].id)).status_code == 201
    (left,) = await requests(exchange, state="open")
    assert (left["event"], left["asks"]) == (given[1].id, "case")


async def test_what_never_rose_asks_for_nothing(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="none", kemensos="pseudonymous"))
    assert await requests(exchange) == await requests(exchange, "kemensos") == []


async def test_nobody_answers_for_another_agency(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case))
    given = narrator.consent(case, bp2mi="identified", iom="identified")
    end = narrator.consent(case, iom="none")
    await exchange.hear(given, end)
    for event in (end.id, given.id, new_id()):
        refused = await acknowledge(exchange, event, "bp2mi")
        assert refused.status_code == 404, refused.text
    assert (await acknowledge(exchange, given.id)).status_code == 404
    assert await requests(exchange, "bp2mi") == []
    (asked,) = await requests(exchange, "kemensos", "auditor")
    assert asked["agency"] == "iom"
    assert await requests(exchange, "kemensos", "auditor", state="acknowledged") == []


async def test_who_is_late_is_told_once(exchange: Exchange, narrator: Narrator) -> None:
    done, late = new_id(), new_id()
    ends = [narrator.registered(done), narrator.registered(late)]
    ends += [narrator.consent(case, iom="identified") for case in (done, late)]
    ends += [narrator.consent(case, iom="none") for case in (done, late)]
    await exchange.hear(*ends)
    assert await exchange.service.desk.write(escalate) == 0
    assert await requests(exchange, state="overdue") == []
    await acknowledge(exchange, ends[-2].id)
    await late_by_a_second(exchange)
    assert [one["case_id"] for one in await requests(exchange, state="overdue")] == [late]
    assert await exchange.service.desk.write(escalate) == 1
    assert await exchange.service.desk.write(escalate) == 0
    (escalated,) = await requests(exchange, state="overdue")
    assert escalated["escalated_at"] > escalated["due_at"]


async def test_metrics_count_who_has_not_answered(exchange: Exchange, narrator: Narrator) -> None:
    cases = [new_id() for _ in range(3)]
    for case in cases:
        await exchange.publish(narrator.registered(case))
        await exchange.publish(*(narrator.consent(case, iom=level) for level in ("identified", "none")))
    await exchange.settled()
    assert await counted(exchange) == {"open": 3, "overdue": 0}
    await late_by_a_second(exchange)
    asked = await requests(exchange)
    await acknowledge(exchange, asked[0]["event"])
    await asyncio.sleep(FRESH_SECONDS)
    assert await counted(exchange) == {"open": 0, "overdue": 2}


async def counted(exchange: Exchange) -> dict[str, float]:
    text = (await exchange.get("/metrics")).text
    found = re.findall(r'pulang_deletion_requests\{service="exchange",state="(\w+)"\} (\S+)', text)
    return {state: float(number) for state, number in found}


async def test_pages_of_requests(exchange: Exchange, narrator: Narrator) -> None:
    cases = [new_id() for _ in range(5)]
    for case in cases:
        await exchange.publish(narrator.registered(case))
        for level in ("identified", "none"):
            await exchange.publish(narrator.consent(case, iom=level, bp2mi=level))
    await exchange.settled()
    found, after = [], {}
    while True:
        page = (await exchange.get("/exchange/consent-requests", role="auditor", limit=3, **after)).json()
        found += page["items"]
        if "next" not in page:
            break
        after = {"after": page["next"]}
    assert sorted((one["case_id"], one["agency"]) for one in found) == sorted(
        (case, agency) for case in cases for agency in ("bp2mi", "iom")
    )
    wrong = await exchange.get("/exchange/consent-requests", role="auditor", after=(await exchange.page("iom"))["next"])
    assert wrong.status_code == 422


async def test_the_three_days_are_the_law(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
    await exchange.hear(narrator.consent(case, iom="none"))
    rows = await exchange.service.desk.read(
        lambda session: session.query(col(DeletionRequest.asked_at), col(DeletionRequest.due_at)).all()
    )
    assert [due - asked for asked, due in rows] == [timedelta(hours=72)]
