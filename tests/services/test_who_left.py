"""An agency that has left the exchange opens nothing any more, in any service, whatever tokens it holds."""

import asyncio
import shutil
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete, func, select, update

from services.exchange.commands.agencies import tell_who_left
from services.exchange.commands.restored import members_again
from services.exchange.models import PolicyVersion
from shared.database.models import table_of
from shared.outbox.table import STREAMS
from shared.restoring.memberships import Membership
from shared.security.membership import AGENCIES_LEFT
from shared.service import CHORE_SECONDS
from shared.settings import Settings
from shared.times import utc_now
from shared.work import Work
from tests.services.test_erasure import service_of
from tests.world import Pulang, User, running

pytestmark = pytest.mark.either_database

SERVICES = ("intake", "shelter", "aid", "psychosocial", "exchange")
READS = {
    "intake": "/intake/cases",
    "shelter": "/shelter/stays",
    "aid": "/aid/stores",
    "psychosocial": "/psychosocial/worklist",
    "exchange": "/exchange/feed",
}
BODY = {"name": "IOM Indonesia", "kind": "international_organisation", "withheld": []}


async def changed(pulang: Pulang, method: str, agency: str, version: int) -> httpx.Response:
    headers = {"If-Match": f'"{version}"'}
    body = BODY if method == "PUT" else None
    answer = await pulang.administrator._send(method, f"/exchange/agencies/{agency}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


async def heard(pulang: Pulang, agency: str, *, left: bool) -> None:
    """Until every service knows: a replica looks once a second; how long that takes here says nothing."""
    await pulang.settled()
    known = False
    async with asyncio.timeout(60):
        while not known:
            await asyncio.sleep(CHORE_SECONDS / 20)
            known = all((agency in service_of(pulang, name).left) is left for name in SERVICES)


def identity_of(case: str) -> str:
    return f"/intake/cases/{case}/identity?purpose=family_tracing"


async def test_who_left_is_let_in_nowhere_and_who_comes_back_is(pulang: Pulang) -> None:
    await pulang.open_post()
    await pulang.open_shelter()
    case = await pulang.register()
    decisions = [{"agency": agency, "level": "identified"} for agency in ("iom", "bp2mi")]
    consent = {"decisions": decisions, "given_by": "person", "occurred_at": "2026-11-03"}
    await pulang.officer().done(f"/intake/cases/{case}/consents", consent)
    by_consent, by_custody = pulang.reader("iom"), pulang.user("arrival_officer", "iom", "TNJ")
    for user in (by_consent, by_custody):
        assert (await user.get(identity_of(case))).status_code == 200
    everything = pulang.user("administrator", "iom")

    await changed(pulang, "DELETE", "iom", 1)
    await heard(pulang, "iom", left=True)

    for user in (by_consent, by_custody):
        refused = await user.get(identity_of(case))
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/agency-has-left")
    for service, path in READS.items():
        status = f"/{service}/operations/status"
        assert [(await everything.get(one)).json()["type"] for one in (path, status)] == [
            "/problems/agency-has-left"
        ] * 2, service
    # Refusals of an identity are noted, whoever is refused.
    asked = pulang.rows("intake", "SELECT agency, outcome FROM audit WHERE action = 'identity.read' ORDER BY position")
    assert asked == [("iom", "done")] * 2 + [("iom", "refused")] * 2
    for other in (pulang.reader("bp2mi"), pulang.officer()):
        assert (await other.get(identity_of(case))).status_code == 200
    # Whom exchange never knew has not left it.
    assert (await pulang.user("administrator", "operators").get("/intake/operations/status")).status_code == 200

    await changed(pulang, "PUT", "iom", 2)
    await heard(pulang, "iom", left=False)
    assert (await by_consent.get(identity_of(case))).status_code == 200
    await changed(pulang, "DELETE", "iom", 3)
    await heard(pulang, "iom", left=True)
    assert (await by_consent.get(identity_of(case))).status_code == 403


async def test_after_a_start_it_is_known_at_once(tmp_path: Path, migrated_folder: Path) -> None:
    shutil.copytree(migrated_folder, tmp_path / "data")
    settings = Settings(tmp_path / "data")
    async with running(settings) as pulang:
        await changed(pulang, "DELETE", "iom", 1)
        await heard(pulang, "iom", left=True)
    async with running(settings) as pulang:
        for service, path in READS.items():
            answer = await pulang.user("administrator", "iom").get(path)
            assert answer.json()["type"] == "/problems/agency-has-left", service


async def test_no_agency_hears_of_another_that_joins_or_leaves(pulang: Pulang) -> None:
    dinsos: User = pulang.administrator
    joined = await dinsos.put("/exchange/agencies/dinsos", BODY | {"name": "Dinas Sosial"})
    assert joined.status_code == 200, joined.text
    await changed(pulang, "DELETE", "dinsos", 1)
    await heard(pulang, "dinsos", left=True)
    told = pulang.rows(
        "exchange", "SELECT type, streamversion FROM events WHERE subject = ? ORDER BY position", "dinsos"
    )
    assert told == [("pulang.agency.joined.v1", 1), ("pulang.agency.left.v1", 2)]
    assert pulang.rows("exchange", "SELECT * FROM stored_events WHERE subject = ?", "dinsos") == []
    for agency in ("iom", "kemensos"):
        feed = await pulang.reader(agency).get("/exchange/feed?limit=1000")
        assert (feed.status_code, "dinsos" in feed.text) == (200, False)


async def test_an_administrator_cannot_send_their_own_agency_away(pulang: Pulang) -> None:
    own = await pulang.administrator._send("DELETE", "/exchange/agencies/kemensos", headers={"If-Match": '"1"'})
    assert (own.status_code, own.json()["type"]) == (409, "/problems/own-agency")
    assert (await pulang.administrator.get("/exchange/agencies/kemensos")).json()["member"] is True


async def test_the_clock_tells_who_left_and_passes_over_who_waits_for_an_officer(pulang: Pulang) -> None:
    await changed(pulang, "DELETE", "iom", 1)
    await heard(pulang, "iom", left=True)
    desk = service_of(pulang, "exchange").desk

    def as_of_an_older_release(work: Work, state_version: int | None) -> None:
        work.session.execute(delete(AGENCIES_LEFT))
        work.session.execute(update(STREAMS).where(STREAMS.c.subject == "iom").values(state_version=state_version))

    for state_version, told in ((0, 1), (None, 2)):
        await desk.write(lambda work, known=state_version: as_of_an_older_release(work, known))  # type: ignore[misc]
        await desk.write(tell_who_left)
        await desk.write(tell_who_left)
        assert pulang.rows("exchange", "SELECT agency FROM agencies_left") == [("iom",)]
        assert len(pulang.rows("exchange", "SELECT id FROM events WHERE subject = ?", "iom")) == told
    await heard(pulang, "iom", left=True)


async def test_an_exchange_that_is_older_knows_the_last_word_again(pulang: Pulang) -> None:
    """What `pulang restore-check` does with it, over either database."""
    policies = table_of(PolicyVersion)
    await changed(pulang, "DELETE", "iom", 1)
    await heard(pulang, "iom", left=True)
    desk = service_of(pulang, "exchange").desk

    def as_put_back(work: Work) -> None:
        work.session.execute(delete(AGENCIES_LEFT))
        work.session.execute(delete(policies).where(policies.c.agency == "iom", policies.c.version == 2))
        work.session.execute(update(STREAMS).where(STREAMS.c.subject == "iom").values(state_version=0))

    async def known_again(version: int, *, member: bool) -> tuple[bool, bool]:
        told = {"iom": Membership(version, member=member)}
        await desk.database.write(lambda session: members_again(session, told, utc_now()))
        found = (await pulang.administrator.get("/exchange/agencies/iom")).json()
        behind = pulang.rows("exchange", "SELECT 1 FROM streams WHERE state_version IS NOT NULL")
        return found["member"], behind == []

    await desk.write(as_put_back)
    assert await known_again(1, member=False) == (False, True)
    assert pulang.rows("exchange", "SELECT agency FROM agencies_left") == [("iom",)]
    # What it recorded itself and never told is newer than any word on the bus.
    await changed(pulang, "PUT", "iom", 2)
    assert await known_again(1, member=False) == (True, True)
    assert await known_again(2, member=True) == (True, True)
    count = select(func.count()).select_from(policies).where(policies.c.agency == "iom")
    assert await desk.read(lambda session: session.execute(count).scalar_one()) == 3
    assert pulang.rows("exchange", "SELECT agency FROM agencies_left") == []
