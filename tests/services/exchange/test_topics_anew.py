"""An agency's topic that was made anew is filled from the agency's log: with what the consent of now allows."""

from functools import partial

import orjson

from services.exchange.relay import LEASE, send_anew
from shared.outbox.lease import Lease
from shared.settings import Settings
from tests.services.exchange.hearing import AGENCIES, Exchange, Narrator, listening, new_id, types


async def anew(exchange: Exchange, agency: str) -> bool:
    """As `pulang republish` does it, while no relay runs."""
    lease = Lease(exchange.service.database, LEASE)
    await lease.seize()
    try:
        return await exchange.service.database.write(partial(send_anew, agency=agency, number=lease.number))
    finally:
        await lease.release()


async def made_anew(exchange: Exchange, *agencies: str) -> None:
    """All topics of the bus are gone, and an operator says so for these."""
    for companion in exchange.service.companions:
        await companion.stop()
    for agency in agencies:
        assert await anew(exchange, agency)


async def test_it_holds_the_log_again_and_of_a_withdrawn_case_only_the_request_to_delete(
    settings: Settings, narrator: Narrator
) -> None:
    staying, leaving, coming_back = new_id(), new_id(), new_id()
    async with listening(settings) as exchange:
        await exchange.hear(narrator.opened("RPTC-A", "kemensos"), narrator.opened("TNJ", "bp2mi"))
        for case in (staying, leaving, coming_back):
            await exchange.hear(narrator.registered(case), narrator.consent(case, iom="identified"))
            await exchange.hear(narrator.screened(case))
        await exchange.hear(narrator.consent(leaving, iom="none"), narrator.consent(coming_back, iom="none"))
        await exchange.hear(narrator.consent(coming_back, iom="pseudonymous"))
        first = [orjson.loads(record.value) for record in await exchange.on_topic("iom")]
        feeds = {agency: await exchange.feed(agency) for agency in AGENCIES}
        await made_anew(exchange, *AGENCIES)
    settings.bus.unlink()

    async with listening(settings) as exchange:
        await exchange.settled()
        for agency in AGENCIES:
            again = [orjson.loads(record.value) for record in await exchange.on_topic(agency)]
            assert {event["subject"] for event in again} == {event["subject"] for event in feeds[agency]}
            for key in {event["subject"] for event in again}:
                told = [event for event in again if event["subject"] == key]
                assert told == [event for event in feeds[agency] if event["subject"] == key]
        again = [orjson.loads(record.value) for record in await exchange.on_topic("iom")]

    assert types([event for event in first if event["subject"] == leaving])[0] == "case.registered"
    (told,) = [event for event in again if event["subject"] == leaving]
    assert (told["type"], told["data"]["deletion_requested"]) == ("pulang.case.consent_changed.v1", "case")
    grants = [event["grant"] for event in again if event["subject"] == coming_back]
    assert grants == [1, 2, 2, 2, 2, 2]
    assert [event["streamversion"] for event in again if event["subject"] == staying] == [1, 2, 3]


async def test_the_others_topics_are_left_as_they_are(settings: Settings, narrator: Narrator) -> None:
    async with listening(settings) as exchange:
        await exchange.hear(narrator.opened("RPTC-A", "kemensos"))
        await made_anew(exchange, "iom")
    async with listening(settings) as exchange:
        await exchange.settled()
        assert [len(await exchange.on_topic(agency)) for agency in ("iom", "bp2mi", "kemensos")] == [2, 1, 1]


async def test_only_who_holds_the_relays_lease_may_say_so(exchange: Exchange, narrator: Narrator) -> None:
    await exchange.hear(narrator.opened("RPTC-A", "kemensos"))
    for companion in exchange.service.companions:
        await companion.stop()
    database = exchange.service.database
    assert not await database.write(partial(send_anew, agency="iom", number=0))
    one, other = Lease(database, LEASE), Lease(database, LEASE)
    await one.seize()
    assert await other.seize()

    assert not await database.write(partial(send_anew, agency="iom", number=one.number))
    assert await database.write(partial(send_anew, agency="iom", number=other.number))
    assert not await database.write(partial(send_anew, agency="iom", number=other.number)), "nothing was sent since"
