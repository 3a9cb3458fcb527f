"""A piece of the season through the whole of Pulang: every breakdown sums to what the services themselves count."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.codes import age_band
from shared.security.tokens import DevelopmentIssuer
from shared.settings import Settings
from tests.system.command import ask, demo, up
from tests.system.seasons import rows_of, weeks

DIMENSIONS = ("place", "sex", "age_band", "trafficking_status", "case_status")
YEAR = {"from": "2020-01-01", "until": "2020-12-31"}
OWN = "RPTC-TANJUNG-PINANG"


class Played:
    """A Pulang that has played some weeks."""

    def __init__(self, data: Path, season: Path, url: str) -> None:
        self.data, self.season, self.url = data, season, url

    def ask(self, path: str, **query: str) -> Any:
        return ask(self.data, self.url, path, **YEAR, **query)

    def as_staff(self, path: str, **query: str) -> Any:
        token = DevelopmentIssuer(Settings(self.data).keys).issue("kemensos", "shelter_staff", OWN)
        answer = httpx.get(
            f"{self.url}{path}", params=YEAR | query, headers={"Authorization": f"Bearer {token}"}, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("figures")
    season = weeks(folder / "season", 5, every=4)
    said = demo(season, folder / "data")
    assert said.status == 0, said.err
    with up(folder / "data") as server:
        yield Played(folder / "data", season, server.url)


@pytest.mark.parametrize("by", DIMENSIONS)
def test_every_breakdown_sums_to_the_services_own_figures(played: Played, by: str) -> None:
    answer = played.ask("/exchange/indicators/series", by=by)
    intake, shelter, aid, psychosocial = (
        played.ask(f"/{service}/figures") for service in ("intake", "shelter", "aid", "psychosocial")
    )
    sums = {measure: sum(values.values()) for measure, values in answer["totals"].items()}
    assert sums == {
        "arrivals": intake["cases"],
        "check_ins": sum(shelter["checked_in_by_shelter"].values()),
        "check_outs": sums["sent_home"],  # nobody leaves otherwise in the example
        "sent_home": shelter["sent_home"],
        "items_issued": sum(aid["issued_by_item"].values()),
        "hygiene_kits_issued": aid["hygiene_kits_issued"],
        "sessions": psychosocial["psychosocial_sessions"],
    }
    assert min(sums.values()) > 0
    nights = [sum(on) for on in answer["figures"]["resident"].values()]
    assert sum(nights) == sum(shelter["bed_nights_by_shelter"].values())
    assert sum(on[-1] for on in answer["figures"]["resident"].values()) == shelter["still_resident"]


def test_by_what_the_services_know_too(played: Played) -> None:
    intake, shelter = played.ask("/intake/figures"), played.ask("/shelter/figures")
    totals = {by: played.ask("/exchange/indicators/series", by=by)["totals"] for by in DIMENSIONS}
    assert totals["sex"]["arrivals"] == intake["by_sex"]
    assert totals["trafficking_status"]["arrivals"] == intake["by_trafficking_status"]
    assert totals["place"]["arrivals"] == intake["by_arrival_point"]
    came = {place: number for place, number in shelter["checked_in_by_shelter"].items() if number}
    assert totals["place"]["check_ins"] == came
    rows = rows_of(played.season)
    on = date.fromisoformat
    bands = Counter(age_band(on(row["birth_date"]), on(row["arrival_date"])) for row in rows)
    assert totals["age_band"]["arrivals"] == bands
    days = Counter(row["arrival_date"] for row in rows)
    answer = played.ask("/exchange/indicators/series", by="sex")
    arrivals = [sum(number) for number in zip(*answer["figures"]["arrivals"].values(), strict=True)]
    assert {day: number for day, number in zip(answer["days"], arrivals, strict=True) if number} == days


def test_an_operators_own_shelter_is_what_its_services_count_for_it(played: Played) -> None:
    shelter, sessions = played.as_staff("/shelter/figures"), played.as_staff("/psychosocial/figures")
    for by in DIMENSIONS:
        answer = played.as_staff("/exchange/indicators/series", by=by)
        assert sum(answer["totals"]["check_ins"].values()) == shelter["checked_in_by_shelter"][OWN] > 0
        assert sum(answer["totals"]["sent_home"].values()) == shelter["sent_home"]
        assert sum(on[-1] for on in answer["figures"]["resident"].values()) == shelter["still_resident"]
        assert sum(answer["totals"]["sessions"].values()) == sessions["psychosocial_sessions"] > 0
        assert answer["totals"]["arrivals"] == {}
