"""What aid makes of others' news, in any order and more than once."""

from datetime import date
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import text

from services.aid.main import AID
from shared.events.facilities import FacilityOpened
from shared.events.intake import CaseErased, CaseRegistered
from tests.services.psychosocial.hearing import Told, desk_of, hear, shuffled


def opened(code: str, kind: Literal["arrival_point", "shelter"], agency: str) -> FacilityOpened:
    return FacilityOpened(facility=code, kind=kind, name=code, agency=agency, regency="21.72", time_zone="Asia/Jakarta")


REGISTERED = CaseRegistered(arrival_point="TNJ", arrival_date=date(2026, 11, 3), sex="F")
STORY = [
    Told("intake", "TNJ", opened("TNJ", "arrival_point", "bp2mi")),
    Told("intake", "SAME", opened("SAME", "arrival_point", "bp2mi")),
    Told("shelter", "SAME", opened("SAME", "shelter", "kemensos")),
    Told("shelter", "HOUSE", opened("HOUSE", "shelter", "kemensos")),
    Told("shelter", "HOUSE", opened("HOUSE", "shelter", "iom")),
    Told("intake", "case-1", REGISTERED),
    Told("intake", "case-2", REGISTERED),
    Told("intake", "case-3", REGISTERED),
    Told("intake", "case-3", CaseErased()),
]


@pytest.mark.parametrize("seed", range(6))
async def test_stores_and_cases_are_the_same_in_any_order_and_told_twice(tmp_path: Path, seed: int) -> None:
    async with desk_of(AID, tmp_path) as desk:
        await hear(desk, AID, shuffled(STORY, seed), times=2)
        await hear(desk, AID, shuffled(STORY, seed + 100))
        stores = await desk.read(
            lambda session: session.execute(text("SELECT code, kind, agency FROM stores ORDER BY code")).all()
        )
        cases = await desk.read(lambda session: session.execute(text("SELECT case_id FROM cases ORDER BY 1")).all())
        parked = await desk.read(lambda session: session.execute(text("SELECT count(*) FROM parked")).scalar_one())
    assert [tuple(row) for row in stores] == [
        ("HOUSE", "shelter", "iom"),
        ("SAME", "shelter", "kemensos"),
        ("TNJ", "arrival_point", "bp2mi"),
    ]
    assert [row.case_id for row in cases] == ["case-1", "case-2"]
    assert parked == 0
