"""Reading a season's folder: everything is checked before anything is sent. A complaint names the file and the row,
never what stands in it."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from pulang.complaint import Complaint
from pulang.replay.season import Donation, Person, Place, Room, Season, Shelter, fingerprint
from shared.codes import MethodOfControl, TraffickingStatus, TypeOfExploitation

Value = TypeVar("Value")

COLUMNS = (
    *("arrival_date", "arrival_point", "name", "sex", "birth_date", "nik", "travel_document", "document_number"),
    *("origin_regency", "destination_country", "trafficking_status", "methods_of_control", "types_of_exploitation"),
    *("gender_based_violence", "pregnant", "disability", "health_isolation", "shelter", "room_type", "check_in"),
    *("hygiene_kit", "psychosocial_level", "psychosocial_sessions", "check_out", "returned_home"),
)
_CONSENT = re.compile(r"consent_([a-z0-9]{1,32})")
_YES_NO = {"yes": True, "no": False}
ROOM_TYPES = ("male", "female", "family", "isolation")


def read_season(folder: Path) -> Season:
    """The season of a folder. Raises Complaint."""
    if not folder.is_dir():
        raise Complaint(f"there is no folder {folder}: name the folder of a season, such as examples/season-2020")
    facilities = _json(folder / "facilities.json", dict)
    given = _json(folder / "donations.json", dict)
    with _told(folder / "facilities.json"):
        points = {one["code"]: Place(**_place(one)) for one in facilities["arrival_points"]}
        shelters = {
            one["code"]: Shelter(**_place(one), rooms=tuple(_room(room) for room in one["rooms"]))
            for one in facilities["shelters"]
        }
    with _told(folder / "donations.json"):
        donations = tuple(_donation(number, one, shelters) for number, one in enumerate(given["donations"], 1))
        kits = {str(kit): tuple(map(str, parts)) for kit, parts in given.get("kits", {}).items()}
    rows = _rows(folder / "caseload.csv")
    people = tuple(_people(folder / "caseload.csv", rows, points, shelters))
    expected = folder / "expected.json"
    return Season(
        arrival_points=points,
        shelters=shelters,
        donations=donations,
        kits=kits,
        people=people,
        expected=_json(expected, dict) if expected.exists() else None,
        fingerprint=fingerprint(rows),
    )


class _told:
    """What is wrong with one file, as a complaint about that file."""

    def __init__(self, path: Path, row: int | None = None) -> None:
        self._where = f"{path}, row {row}" if row else str(path)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, KeyError):
            raise Complaint(f"{self._where}: {error.args[0]} is missing: mend the file and run it again") from None
        if isinstance(error, (ValueError, TypeError, AttributeError)):
            why = str(error) if isinstance(error, _Wrong) else "not of the form that examples/season-2020 has"
            raise Complaint(f"{self._where}: {why}: mend the file and run it again") from None


class _Wrong(ValueError):
    """What is wrong with a cell, in words that repeat nothing of it."""


def _json(path: Path, kind: type[dict[str, Any]]) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise Complaint(f"{path} is missing: a season has facilities.json, donations.json and caseload.csv") from None
    except (OSError, ValueError) as broken:
        raise Complaint(f"{path} cannot be read ({type(broken).__name__}): it must be JSON in UTF-8") from None
    if not isinstance(content, kind):
        raise Complaint(f"{path} must hold an object: see examples/season-2020/{path.name}")
    return content


def _place(one: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(one[name]) for name in ("code", "name", "agency", "regency", "time_zone")}


def _room(room: Mapping[str, Any]) -> Room:
    beds = room["beds"]
    if not isinstance(beds, int) or beds < 1 or room["type"] not in ROOM_TYPES:
        raise _Wrong(f"a room has beds, and one of the types {', '.join(ROOM_TYPES)}")
    return Room(str(room["name"]), room["type"], beds)


def _donation(number: int, one: Mapping[str, Any], shelters: Mapping[str, Shelter]) -> Donation:
    quantity = one["quantity"]
    if not isinstance(quantity, int) or quantity < 1:
        raise _Wrong(f"donation {number}: quantity must be a whole number from 1")
    if one["delivered_to"] not in shelters:
        raise _Wrong(f"donation {number}: delivered_to is no shelter of facilities.json")
    return Donation(
        number=number,
        on=date.fromisoformat(one["date"]),
        donor=str(one["donor"]),
        agency=str(one["agency"]),
        item=str(one["item"]),
        quantity=quantity,
        store=one["delivered_to"],
    )


def _rows(path: Path) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.reader(lines, strict=True))
    except FileNotFoundError:
        raise Complaint(f"{path} is missing: a season has facilities.json, donations.json and caseload.csv") from None
    except (OSError, ValueError, csv.Error) as broken:
        raise Complaint(f"{path} cannot be read ({type(broken).__name__}): it must be a CSV file in UTF-8") from None
    headings = rows[0] if rows else []
    missing = [column for column in COLUMNS if column not in headings]
    if missing:
        raise Complaint(f"{path}: the headings lack {', '.join(missing)}: see examples/season-2020/caseload.csv")
    strange = [name for name in headings if name not in COLUMNS and not _CONSENT.fullmatch(name)]
    if strange or len(set(headings)) != len(headings):
        raise Complaint(f"{path}: a heading is unknown or stands twice: see examples/season-2020/caseload.csv")
    if len(rows) == 1:
        raise Complaint(f"{path} has headings and no row: a season has at least one person")
    return rows


def _people(
    path: Path, rows: list[list[str]], points: Mapping[str, Place], shelters: Mapping[str, Shelter]
) -> Iterable[Person]:
    headings, before = rows[0], date.min
    for number, cells in enumerate(rows[1:], 1):
        with _told(path, number):
            if len(cells) != len(headings):
                raise _Wrong(f"{len(cells)} cells under {len(headings)} headings")
            row = {name: cell.strip() for name, cell in zip(headings, cells, strict=True)}
            person = _person(number, row)
            _check(person, before, points, shelters)
        before = person.arrival_date
        yield person


def _person(number: int, row: Mapping[str, str]) -> Person:
    def cell(name: str, read: Callable[[str], Value]) -> Value:
        try:
            return read(row[name])
        except (ValueError, KeyError):
            raise _Wrong(f"{name} cannot be read") from None

    def some_date(text: str) -> date | None:
        return date.fromisoformat(text) if text else None

    def whole(text: str) -> int:
        return int(text)

    def codes(known: type[MethodOfControl] | type[TypeOfExploitation]) -> Callable[[str], tuple[str, ...]]:
        return lambda text: tuple(known(code.strip()).value for code in text.split(";") if code.strip())

    def one_of(*values: str) -> Callable[[str], str]:
        return lambda text: values[values.index(text)]

    document = cell("travel_document", one_of("SPLP", "passport", "none", ""))
    return Person(
        row=number,
        arrival_date=cell("arrival_date", date.fromisoformat),
        arrival_point=row["arrival_point"],
        name=row["name"],
        sex=cell("sex", one_of("M", "F")),
        birth_date=cell("birth_date", some_date),
        nik=row["nik"] or None,
        document_type=document if document in ("SPLP", "passport") else None,  # type: ignore[arg-type]
        document_number=row["document_number"] or None,
        origin_regency=row["origin_regency"] or None,
        destination_country=row["destination_country"] or None,
        trafficking_status=cell("trafficking_status", lambda text: TraffickingStatus(text).value),
        methods_of_control=cell("methods_of_control", codes(MethodOfControl)),
        types_of_exploitation=cell("types_of_exploitation", codes(TypeOfExploitation)),
        gender_based_violence=cell("gender_based_violence", _YES_NO.__getitem__),
        pregnant=cell("pregnant", _YES_NO.__getitem__),
        disability=cell("disability", _YES_NO.__getitem__),
        health_isolation=cell("health_isolation", _YES_NO.__getitem__),
        shelter=row["shelter"],
        room_type=cell("room_type", one_of(*ROOM_TYPES)),
        check_in=cell("check_in", date.fromisoformat),
        hygiene_kit=cell("hygiene_kit", _YES_NO.__getitem__),
        care_layer=cell("psychosocial_level", whole),
        sessions=cell("psychosocial_sessions", whole),
        check_out=cell("check_out", some_date),
        returned_home=cell("returned_home", some_date),
        consents={name[8:]: cell(name, _YES_NO.__getitem__) for name in row if name.startswith("consent_")},
    )


def _check(person: Person, before: date, points: Mapping[str, Place], shelters: Mapping[str, Shelter]) -> None:
    if not person.name:
        raise _Wrong("name is empty")
    if person.arrival_date < before:
        raise _Wrong("arrival_date lies before that of the row above")
    if person.arrival_point not in points:
        raise _Wrong("arrival_point is not in facilities.json")
    if person.shelter not in shelters:
        raise _Wrong("shelter is not in facilities.json")
    if person.room_type not in {room.type for room in shelters[person.shelter].rooms}:
        raise _Wrong("the shelter has no room of that room_type")
    if person.birth_date is not None and person.birth_date > person.arrival_date:
        raise _Wrong("birth_date lies after arrival_date")
    if person.check_in < person.arrival_date:
        raise _Wrong("check_in lies before arrival_date")
    if person.check_out is not None and person.check_out <= person.check_in:
        raise _Wrong("check_out is not after check_in")
    if person.returned_home is not None and (person.check_out is None or person.returned_home < person.check_out):
        raise _Wrong("returned_home needs a check_out before it")
    if not 1 <= person.care_layer <= 4:
        raise _Wrong("psychosocial_level is 1 to 4")
    if not 0 <= person.sessions <= 1000:
        raise _Wrong("psychosocial_sessions is a whole number from 0")
