"""A season's folder is read whole before anything is sent; what is wrong is told by file and row, never by value."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pulang.complaint import Complaint
from pulang.replay.folder import read_season
from tests.system.seasons import EXAMPLE, rows_of, season

SECRET = "Rahasia Sekali"


def test_the_example_is_read_whole() -> None:
    found = read_season(EXAMPLE)
    assert len(found.people) == len(rows_of(EXAMPLE)) == 4497
    assert len(found.manifests()) == 517
    assert found.last_day.isoformat() == "2020-12-31"
    assert SECRET not in repr(found.people[0])
    assert found.people[0].name not in repr(found.people[0])


def test_ids_are_those_of_the_season_and_of_no_other(tmp_path: Path) -> None:
    some = read_season(season(tmp_path / "some", lambda row: row["arrival_date"] < "2020-01-10"))
    fewer = read_season(season(tmp_path / "fewer", lambda row: row["arrival_date"] < "2020-01-06"))
    again = read_season(tmp_path / "some")
    assert some.id("stay", 1) == again.id("stay", 1) != fewer.id("stay", 1)


@pytest.mark.parametrize("missing", ["facilities.json", "donations.json", "caseload.csv"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    _copy(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(Complaint, match=missing):
        read_season(tmp_path)


def test_a_season_without_expectations_is_a_season(tmp_path: Path) -> None:
    _copy(tmp_path)
    (tmp_path / "expected.json").unlink()
    assert read_season(tmp_path).expected is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("arrival_date", "2020-02-30"),
        ("arrival_date", "1.1.2020"),
        ("arrival_point", SECRET),
        ("name", ""),
        ("sex", SECRET),
        ("birth_date", SECRET),
        ("birth_date", "2021-01-01"),
        ("travel_document", SECRET),
        ("trafficking_status", SECRET),
        ("methods_of_control", f"FalsePromises;{SECRET}"),
        ("pregnant", "maybe"),
        ("shelter", SECRET),
        ("room_type", "ballroom"),
        ("check_in", "2019-12-31"),
        ("check_out", "2020-01-03"),
        ("check_out", ""),
        ("returned_home", "2020-01-04"),
        ("psychosocial_level", "5"),
        ("psychosocial_sessions", "-1"),
        ("psychosocial_sessions", SECRET),
        ("consent_iom", SECRET),
    ],
)
def test_a_broken_cell_is_told_by_its_row(tmp_path: Path, column: str, value: str) -> None:
    season(
        tmp_path / "season",
        lambda row: row["arrival_date"] == "2020-01-03",
    )
    caseload = tmp_path / "season" / "caseload.csv"
    lines = caseload.read_text(encoding="utf-8").splitlines()
    cells = lines[1].split(",")
    cells[lines[0].split(",").index(column)] = value
    caseload.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]), encoding="utf-8")
    with pytest.raises(Complaint) as told:
        read_season(tmp_path / "season")
    assert "caseload.csv, row 1:" in str(told.value)
    assert SECRET not in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("file", "spoil"),
    [
        ("caseload.csv", lambda text: ""),
        ("caseload.csv", lambda text: text.splitlines()[0]),
        ("caseload.csv", lambda text: text.replace("room_type", "kamar", 1)),
        ("caseload.csv", lambda text: text.replace("sex", "name", 1)),
        ("caseload.csv", lambda text: text.replace("2020-01-03,BTM", "2020-01-03", 1)),
        ("caseload.csv", lambda text: text.replace("2020-01-03", "2020-01-30", 1)),
        ("caseload.csv", lambda text: text.replace("Baso", '"Baso', 1)),
        ("facilities.json", lambda text: "{"),
        ("facilities.json", lambda text: "[]"),
        ("facilities.json", lambda text: "{}"),
        ("facilities.json", lambda text: text.replace('"male"', '"attic"')),
        ("facilities.json", lambda text: text.replace('"beds"', '"bunks"')),
        ("donations.json", lambda text: text.replace("3000", '"many"')),
        ("donations.json", lambda text: text.replace("2020-01-02", "soon")),
        ("donations.json", lambda text: text.replace("RPTC-TANJUNG-PINANG", "NOWHERE")),
    ],
)
def test_a_spoilt_file_is_named(tmp_path: Path, file: str, spoil: Callable[[str], str]) -> None:
    _copy(tmp_path)
    text = (tmp_path / file).read_text(encoding="utf-8")
    (tmp_path / file).write_text(spoil(text), encoding="utf-8")
    with pytest.raises(Complaint, match=file):
        read_season(tmp_path)


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    _copy(tmp_path)
    (tmp_path / "caseload.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Complaint, match="UTF-8"):
        read_season(tmp_path)


def _copy(folder: Path) -> None:
    for file in EXAMPLE.iterdir():
        shutil.copyfile(file, folder / file.name)
    assert json.loads((folder / "expected.json").read_text())["cases"] == 4497
