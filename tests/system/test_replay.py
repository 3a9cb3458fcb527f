"""Seasons of the same form that ask for more than the example does."""

import csv
import json
from datetime import date, timedelta
from pathlib import Path

from tests.system.command import demo, pulang, up
from tests.system.seasons import Row, rows_of, totals, weeks


def later(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def again(row: Row) -> Row:
    """The same person leaves again, and is brought home again the day after the first return."""
    arrival = later(row["returned_home"], 1)
    return row | {
        "arrival_date": arrival,
        "check_in": arrival,
        "check_out": later(arrival, 4),
        "returned_home": later(arrival, 6),
    }


def rewrite(folder: Path, rows: list[Row]) -> None:
    rows.sort(key=lambda row: row["arrival_date"])
    with (folder / "caseload.csv").open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (folder / "expected.json").write_text(json.dumps(totals(folder)), encoding="utf-8")


def test_who_comes_again_and_who_only_resembles_have_cases_of_their_own(tmp_path: Path) -> None:
    season = weeks(tmp_path / "season", 1, every=12)
    rows = rows_of(season)
    known = next(row for row in rows if row["nik"] and row["returned_home"])
    namesake = known | {"name": "Contoh Lain", "document_number": "XD999999"}
    unknown = rows[-1] | {
        "name": "Tanpa Data",
        "birth_date": "",
        "nik": "",
        "travel_document": "",
        "document_number": "",
    }
    unknown |= {"origin_regency": "", "destination_country": "", "returned_home": ""}
    rewrite(season, [*rows, namesake, again(known), unknown])
    data = tmp_path / "data"
    said = demo(season, data)
    assert said.status == 0, said.err + said.out
    assert said.json()["figures"]["cases"] == len(rows) + 3


def test_another_season_on_the_same_data_is_told_apart(tmp_path: Path) -> None:
    """People whom Pulang knows from elsewhere are not registered twice under another season's name."""
    first = weeks(tmp_path / "first", 1, every=12)
    other = weeks(tmp_path / "other", 1, every=12)
    rewrite(other, rows_of(other)[:-1])
    residents = [row | {"check_out": "", "returned_home": ""} for row in rows_of(first)]
    rewrite(first, residents)
    data = tmp_path / "data"
    assert demo(first, data).status == 0
    with up(data):
        line = pulang("replay", other, "--data", data).err.strip().splitlines()[-1]
        assert "knows already" in line
        cases = pulang("demo", first, "--exit", "--json", "--data", data, "--url", (data / "url").read_text().strip())
        assert cases.json()["figures"]["cases"] == len(residents)
