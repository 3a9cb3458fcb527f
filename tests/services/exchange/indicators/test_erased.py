"""A person who was erased: the figures stay, and nothing in the picture leads to the case any more."""

from datetime import date
from typing import Any

import pytest

from shared.settings import Settings
from tests.services.exchange.hearing import Exchange, Narrator, new_id
from tests.services.exchange.indicators.months import Person, erased, life, places, rebuild
from tests.stores import Chosen

JANUARY = date(2020, 1, 5)
YEAR = {"from": "2020-01-01", "until": "2020-12-31"}


async def figures(exchange: Exchange) -> list[Any]:
    asked: list[tuple[str, dict[str, str]]] = [
        ("/exchange/indicators", {}),
        *(("/exchange/indicators/series", {"by": by}) for by in ("place", "sex", "age_band", "case_status")),
    ]
    return [(await exchange.get(path, **YEAR, **query)).json() for path, query in asked]


def picture(settings: Settings) -> dict[str, str]:
    """What the live picture holds of cases, by their ids."""
    live = Chosen.databases.rows(settings, "exchange", "SELECT live FROM projections")
    rows = Chosen.databases.rows(
        settings, "exchange", "SELECT case_id, told FROM case_facts WHERE generation = ?", live[0]
    )
    return {case: bytes(told).decode() for case, told in rows}


@pytest.mark.either_database
async def test_the_figures_stay_and_the_case_goes(exchange: Exchange, narrator: Narrator, settings: Settings) -> None:
    case, other = new_id(), new_id()
    left = Person(JANUARY, left=date(2020, 1, 12), status="closed")
    told = [
        *places(narrator),
        *life(narrator, left, case=case),
        narrator.issued(case, on=JANUARY),
        narrator.session(case, on=JANUARY),
        *life(narrator, Person(JANUARY), case=other),
    ]
    await exchange.hear(*told)
    before = await figures(exchange)
    stay = next(event.data["stay"] for event in told if event.subject == case and "stay" in (event.data or {}))
    assert stay in picture(settings)[case]
    await exchange.hear(erased(narrator, case))
    assert await figures(exchange) == before
    held = picture(settings)
    assert held.pop(case) == '{"erased":true}'
    assert held.pop(other)
    ((name, kept),) = held.items()
    assert case not in name + kept
    assert stay not in kept
    assert "2020-01-12" not in kept  # of what was done with the person, no day is left
    assert '"way"' not in kept
    await exchange.hear(narrator.issued(case, on=JANUARY), narrator.session(case, on=JANUARY))
    assert await figures(exchange) == before
    await rebuild(exchange)
    assert await figures(exchange) == before
    assert picture(settings)[case] == '{"erased":true}'


async def test_who_is_erased_in_a_shelter_is_counted_out_of_it(
    exchange: Exchange, narrator: Narrator, settings: Settings
) -> None:
    case, stay = new_id(), new_id()
    await exchange.hear(
        *places(narrator),
        narrator.registered(case, on=JANUARY),
        narrator.checked_in(case, stay, on=JANUARY),
        erased(narrator, case),
    )
    assert (await figures(exchange))[0]["still_resident"] == 1
    await exchange.hear(narrator.checked_out(case, stay, date(2020, 1, 9)))
    assert (await figures(exchange))[0]["still_resident"] == 0
    assert (await figures(exchange))[0]["sent_home"] == 1
    held = picture(settings)
    assert held.pop(case) == '{"erased":true}'
    assert stay not in "".join(held.values())


async def test_an_erasure_of_somebody_never_heard_of(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    await exchange.hear(erased(narrator, case), narrator.registered(case, on=JANUARY))
    assert (await figures(exchange))[0]["cases"] == 0
