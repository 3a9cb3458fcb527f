"""Who locks several rows does so in the same order as everybody else: nobody is run again because of a deadlock."""

import asyncio
from datetime import date

import pytest

from services.exchange.projections import INDICATORS
from services.intake.main import INTAKE
from services.shelter.main import SHELTER
from shared.bus.protocol import Received
from shared.consuming.inbox import Listener, read, take_in
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE
from shared.events.intake import ReferralRevoked
from shared.work import Desk, Work
from tests.races.racing import blocked, no_deadlock, service_of, statuses, told, under_way
from tests.services.exchange.hearing import Narrator
from tests.services.intake.story import refer
from tests.services.psychosocial.care import counsellor, in_care, open_houses, session
from tests.services.shelter.house import House, new_id
from tests.world import Pulang

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def hears(desk: Desk, listener: Listener, *events: Event) -> int:
    """A batch as the bus gives it to a replica."""
    records = [Received(LIFECYCLE, 0, at, event.subject, event.to_bytes(), 0) for at, event in enumerate(events)]

    def take(work: Work) -> int:
        return take_in(work, listener.at(work.session), read(records))

    return await desk.write(take)


async def test_a_batch_of_news_and_a_group_that_is_closed(pulang: Pulang) -> None:
    """The news comes as its cases lie on the bus; the command takes them by their ids."""
    await pulang.open_post()
    first, last = sorted([await pulang.register() for _ in range(2)])
    supervisor = pulang.user("supervisor", "bp2mi", "TNJ")
    closing = {"outcome": "withdrawn", "cases": [last, first], "occurred_at": "2026-11-04"}
    narrator, desk, (reactions,) = Narrator(), service_of(pulang, "intake").desk, INTAKE.consumers
    news = [narrator.checked_in(case, new_id()) for case in (last, first)]
    with no_deadlock(desk):
        async with blocked("intake", f"SELECT 1 FROM cases WHERE case_id = '{first}' FOR UPDATE") as gate:
            command = asyncio.ensure_future(supervisor.post("/intake/closures", closing))
            await under_way(gate, command)
            hearing = asyncio.ensure_future(hears(desk, reactions, *news))
            await under_way(gate, command, hearing)
        assert ((await command).status_code, await hearing) == (201, 2)
    rows = pulang.rows("intake", "SELECT status, stay_status FROM cases")
    assert rows == [("closed", "checked_in")] * 2


async def test_a_batch_of_revocations_and_a_group_that_is_accepted(pulang: Pulang) -> None:
    """Their referrals may have been made in another order than their cases."""
    house = await House.opened(pulang)
    first, last = sorted(await house.arrivals("MM"))
    later, earlier = reversed(await refer(pulang, last, first, shelter=house.code))
    await pulang.settled()
    assert earlier < later
    desk, (reactions,) = service_of(pulang, "shelter").desk, SHELTER.consumers
    narrator = Narrator()
    version = len(await told(pulang, "intake", first))
    revoked = [
        narrator.tell(
            "intake", case, ReferralRevoked(referral=referral, facility=house.code), streamversion=version + 1
        )
        for case, referral in ((first, later), (last, earlier))
    ]
    with no_deadlock(desk):
        async with blocked("shelter", f"SELECT 1 FROM referrals WHERE referral_id = '{later}' FOR UPDATE") as gate:
            hearing = asyncio.ensure_future(hears(desk, reactions, *revoked))
            await under_way(gate, hearing)
            accepting = asyncio.ensure_future(
                house.staff.post("/shelter/referrals/acceptance", house.answer([earlier, later]))
            )
            await under_way(gate, hearing, accepting)
        assert (await hearing, (await accepting).status_code) == (2, 409)
    assert pulang.rows("shelter", "SELECT status FROM referrals") == [("revoked",)] * 2


async def test_groups_that_share_sessions_in_another_order(pulang: Pulang) -> None:
    await open_houses(pulang)
    case = await in_care(pulang)
    one, two, *rest = sorted((session(case) for _ in range(4)), key=lambda body: str(body["id"]))
    desk = service_of(pulang, "psychosocial").desk
    taken = [
        "INSERT INTO sessions (session_id, case_id, facility, layer, kind, on_date, recorded_by, recorded_at) "
        f"VALUES ('{body['id']}', 'x', 'x', 2, 'individual', now(), 'x', now())"
        for body in rest
    ]
    groups = [[one, rest[0], two], [two, rest[1], one]]
    with no_deadlock(desk):
        async with blocked("psychosocial", *taken) as gate:
            asked = [
                asyncio.ensure_future(counsellor(pulang).post("/psychosocial/sessions", {"sessions": group}))
                for group in groups
            ]
            await under_way(gate, *asked)
        answers = await asyncio.gather(*asked)
    assert statuses(answers) == {201: 2}
    assert len(await told(pulang, "psychosocial", case)) == 4


async def test_replicas_that_count_the_same_days(pulang: Pulang) -> None:
    """Each takes in other cases; what was issued to them goes into the same sums."""
    narrator, desk = Narrator(), service_of(pulang, "exchange").desk

    first, second = date(2026, 11, 3), date(2026, 11, 4)

    def issued(*days: date) -> list[Event]:
        return [narrator.issued(new_id(), on=day) for day in days]

    await hears(desk, INDICATORS, *issued(first, second))
    with no_deadlock(desk):
        async with blocked("exchange", "SELECT 1 FROM day_counts WHERE day = '2026-11-03' FOR UPDATE") as gate:
            one = asyncio.ensure_future(hears(desk, INDICATORS, *issued(first, second)))
            await under_way(gate, one)
            other = asyncio.ensure_future(hears(desk, INDICATORS, *issued(second, first)))
            await under_way(gate, one, other)
        await asyncio.gather(one, other)
    counted = "SELECT number FROM day_counts WHERE dimension = 'sex' AND measure = 'items_issued'"
    assert pulang.rows("exchange", counted) == [(3,), (3,)]


async def test_replicas_that_hear_two_services_of_a_new_case(pulang: Pulang) -> None:
    """After a rebalance one may still have what another has been given: neither takes what the other wrote."""
    narrator, desk, case = Narrator(), service_of(pulang, "exchange").desk, new_id()
    await hears(desk, INDICATORS, narrator.session(new_id()))
    row = f"INSERT INTO case_facts (generation, case_id, told) VALUES (0, '{case}', '')"
    async with blocked("exchange", row) as gate:
        one = asyncio.ensure_future(hears(desk, INDICATORS, narrator.registered(case)))
        await under_way(gate, one)
        other = asyncio.ensure_future(hears(desk, INDICATORS, narrator.checked_in(case, new_id())))
        await under_way(gate, one, other)
    await asyncio.gather(one, other)
    counted = "SELECT measure, value, number FROM day_counts WHERE dimension = 'sex' AND number <> 0"
    assert sorted(row for row in pulang.rows("exchange", counted) if row[0] != "sessions") == [
        ("arrivals", "F", 1),
        ("check_ins", "F", 1),
    ]
