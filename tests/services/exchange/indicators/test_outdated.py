"""After a migration that has emptied the picture, exchange builds it again by itself."""

import sqlite3

import pytest

from shared.consuming.rebuild import OUTDATED
from shared.settings import Settings
from tests.services.exchange.hearing import Narrator, listening, new_id
from tests.services.exchange.indicators.months import rebuilt

YEAR = {"from": "2026-01-01", "until": "2026-12-31"}


def as_migrated(settings: Settings) -> None:
    """As the migration leaves what it found."""
    file = sqlite3.connect(settings.database("exchange"))
    for table in ("case_facts", "day_counts", "facility_facts"):
        file.execute(f"DELETE FROM {table}")
    file.execute("UPDATE projections SET ended = ?, building = NULL", (OUTDATED,))
    file.commit()
    file.close()


@pytest.mark.on_sqlite
async def test_what_a_migration_has_emptied_is_built_again(settings: Settings, narrator: Narrator) -> None:
    case = new_id()
    async with listening(settings) as exchange:
        await exchange.hear(
            narrator.opened("RPTC-A", "kemensos"), narrator.registered(case), narrator.checked_in(case, new_id())
        )
        before = (await exchange.get("/exchange/indicators", **YEAR)).json()
        assert before["cases"] == before["still_resident"] == 1
    as_migrated(settings)
    async with listening(settings) as exchange:
        await rebuilt(exchange)
        assert (await exchange.get("/exchange/indicators", **YEAR)).json() == before
        (item,) = (await exchange.get("/exchange/operations/projections")).json()["items"]
        assert (item["live"], item["ended"]) == (1, None)
    async with listening(settings) as exchange:
        (item,) = (await exchange.get("/exchange/operations/projections")).json()["items"]
        assert (item["live"], item["building"]) == (1, None)
