"""Seasons made from the example, with totals counted slowly and plainly, by code that shares nothing with Pulang."""

import csv
import json
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parents[2] / "examples" / "season-2020"
Row = dict[str, str]


def rows_of(folder: Path) -> list[Row]:
    with (folder / "caseload.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def season(folder: Path, keep: Callable[[Row], bool], change: Callable[[Row], Row] = lambda row: row) -> Path:
    """A season of some of the example's people, with what must come of it in `expected.json`."""
    folder.mkdir(parents=True)
    for name in ("facilities.json", "donations.json"):
        shutil.copyfile(EXAMPLE / name, folder / name)
    rows = [change(dict(row)) for row in rows_of(EXAMPLE) if keep(row)]
    with (folder / "caseload.csv").open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (folder / "expected.json").write_text(json.dumps(totals(folder)), encoding="utf-8")
    return folder


def weeks(folder: Path, count: int, every: int = 1) -> Path:
    """The first weeks of the example, of every n-th person."""
    end = (date(2020, 1, 1) + timedelta(weeks=count)).isoformat()
    numbers = iter(range(10**6))
    return season(folder, lambda row: row["arrival_date"] < end and next(numbers) % every == 0)


def totals(folder: Path) -> dict[str, Any]:
    """What the README of the data says, word by word."""
    rows = rows_of(folder)
    shelters = json.loads((folder / "facilities.json").read_text(encoding="utf-8"))["shelters"]
    codes = [shelter["code"] for shelter in shelters]
    last = date(date.fromisoformat(rows[0]["arrival_date"]).year, 12, 31)
    home = [row for row in rows if row["check_out"] and date.fromisoformat(row["check_out"]) <= last]
    staying = [row for row in rows if row not in home]
    nights: Counter[tuple[str, date]] = Counter()
    for row in rows:
        night = date.fromisoformat(row["check_in"])
        end = date.fromisoformat(row["check_out"]) if row["check_out"] else last + timedelta(days=1)
        while night < end and night <= last:
            nights[row["shelter"], night] += 1
            night += timedelta(days=1)

    def by_shelter(some: list[Row]) -> dict[str, int]:
        return {code: sum(1 for row in some if row["shelter"] == code) for code in codes}

    return {
        "cases": len(rows),
        "sent_home": len(home),
        "still_resident": len(staying),
        "resident_by_shelter": by_shelter(staying),
        "checked_in_by_shelter": by_shelter(rows),
        "beds_by_shelter": {one["code"]: sum(room["beds"] for room in one["rooms"]) for one in shelters},
        "peak_occupancy_by_shelter": {
            code: max((taken for (shelter, _), taken in nights.items() if shelter == code), default=0) for code in codes
        },
        "bed_nights_by_shelter": {
            code: sum(taken for (shelter, _), taken in nights.items() if shelter == code) for code in codes
        },
        "by_trafficking_status": dict(Counter(row["trafficking_status"] for row in rows)),
        "by_arrival_point": dict(Counter(row["arrival_point"] for row in rows)),
        "by_sex": dict(Counter(row["sex"] for row in rows)),
        "hygiene_kits_issued": sum(1 for row in rows if row["hygiene_kit"] == "yes"),
        "psychosocial_sessions": sum(int(row["psychosocial_sessions"]) for row in rows),
        "identity_consent": {
            agency: sum(1 for row in rows if row[f"consent_{agency}"] == "yes")
            for agency in ("kemensos", "bp2mi", "iom")
        },
    }
