"""What psychosocial makes of others' news: the same in any order between sources, and told twice."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from services.psychosocial.main import PSYCHOSOCIAL
from shared.events.facilities import FacilityOpened
from shared.events.intake import CaseClosed, CaseErased, CaseReopened, CaseScreened
from shared.events.shelter import StayCheckedIn, StayCheckedOut
from tests.services.psychosocial.hearing import Told, desk_of, hear, shuffled


def screened(layer: int | None) -> CaseScreened:
    return CaseScreened(trafficking_status="NotAVictimOfTrafficking", decided_by="NGO", care_layer=layer)


def came(stay: str, facility: str, day: int) -> StayCheckedIn:
    return StayCheckedIn(stay=stay, facility=facility, room_type="female", on=date(2026, 11, day))


def left(stay: str, facility: str, day: int) -> StayCheckedOut:
    return StayCheckedOut(stay=stay, facility=facility, on=date(2026, 11, day), reason="transferred")


HOUSE = FacilityOpened(
    facility="HOUSE", kind="shelter", name="House", agency="kemensos", regency="21.72", time_zone="Asia/Jakarta"
)
STORY = [
    Told("shelter", "HOUSE", HOUSE),
    Told("intake", "case-1", screened(2)),
    Told("intake", "case-1", screened(4)),
    Told("shelter", "case-1", came("stay-1", "HOUSE", 3)),
    Told("shelter", "case-1", left("stay-1", "HOUSE", 6)),
    Told("shelter", "case-1", came("stay-2", "OTHER", 6)),
    Told("intake", "case-1", CaseClosed(outcome="returned")),
    Told("intake", "case-1", CaseReopened()),
    Told("intake", "case-2", screened(None)),
    Told("intake", "case-2", CaseClosed(outcome="withdrawn")),
    Told("shelter", "case-2", came("stay-3", "OTHER", 8)),
    # The check-in of an earlier stay, written down after the later one.
    Told("shelter", "case-2", came("stay-4", "HOUSE", 3)),
    Told("shelter", "case-2", left("stay-4", "HOUSE", 8)),
    Told("shelter", "case-3", came("stay-5", "HOUSE", 3)),
    Told("shelter", "case-3", left("stay-5", "HOUSE", 4)),
    Told("intake", "case-4", screened(3)),
    Told("intake", "case-4", CaseErased()),
    Told("shelter", "case-4", came("stay-6", "HOUSE", 3)),
    Told("shelter", "case-4", left("stay-6", "HOUSE", 5)),
]


@pytest.mark.parametrize("seed", range(12))
async def test_the_worklist_is_the_same_in_any_order(tmp_path: Path, seed: int) -> None:
    async with desk_of(PSYCHOSOCIAL, tmp_path) as desk:
        await hear(desk, PSYCHOSOCIAL, shuffled(STORY, seed), times=2)
        await hear(desk, PSYCHOSOCIAL, shuffled(STORY, seed + 100))
        columns = "case_id, screened, care_layer, closed, facility, in_house, erased"
        rows = await desk.read(
            lambda session: session.execute(text(f"SELECT {columns} FROM worklist ORDER BY case_id")).all()
        )
        parked = await desk.read(lambda session: session.execute(text("SELECT count(*) FROM parked")).scalar_one())
    assert [tuple(row) for row in rows] == [
        ("case-1", 1, 4, 0, "OTHER", 1, 0),
        ("case-2", 1, None, 1, "OTHER", 1, 0),
        ("case-3", 0, None, 0, "HOUSE", 0, 0),
        ("case-4", 0, None, 0, "HOUSE", 0, 1),
    ]
    assert parked == 0
