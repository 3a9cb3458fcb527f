"""Whether the key of a row says who the row's person is. Keys are kept and shown as they are."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from shared.http.bodies import ID_PATTERN

_CODES = frozenset(["row_key", "sex", "origin_regency", "destination_country", "register_anyway", "type"])
"""Fields of a row, and of its document, that are of many people."""
_NEAR_DAYS, _LONG_NUMBER = 31, 8
_SEPARATOR = r"[._:-]"
_MONTH = "0?[1-9]|1[0-2]"
_YEAR_FIRST = re.compile(
    rf"(?<!\d)(?P<y>(?:19|20)\d\d)(?:{_SEPARATOR}(?P<m>{_MONTH})(?:{_SEPARATOR}(?P<d>\d\d?))?|(?P<md>\d\d\d\d))?(?!\d)"
)
_DAY_FIRST = re.compile(rf"(?<!\d)(\d\d?){_SEPARATOR}(\d\d?){_SEPARATOR}((?:19|20)\d\d)(?!\d)")
_SHORT = re.compile(rf"(?<!\d)(\d\d){_SEPARATOR}(\d\d){_SEPARATOR}(\d\d)(?!\d)")


def tells_of(key: str, row: Mapping[str, Any], arrived: date) -> bool:
    """Whether `key` holds a date, a long number, or a part of what the row, as it came, tells of its person.

    The list's own date may stand in it (`TNJ-2026-11-03-0001`): one about `arrived`, that is not the day of birth.
    """
    if re.fullmatch(ID_PATTERN, key):
        return False
    if len(key) < 5 and key.isdecimal():  # as nearly all are, and then the rest has nothing to find
        return _is_document(row, {key}, key)
    key = _folded(key)
    plain, values = _plain(key), [_folded(value) for value in _values(row)]
    if any(born in plain for born in _births(row.get("birth_date"))):
        return True
    rest = _YEAR_FIRST.sub(lambda found: _kept(found[0], _year_first(found), arrived), key)
    rest = _DAY_FIRST.sub(lambda found: _kept(found[0], (found[3], found[2], found[1]), arrived), rest)
    dates = [_day(year, month, day) for year, month, day in map(_year_first, _YEAR_FIRST.finditer(rest)) if day]
    dates += [_day(found[3], found[2], found[1]) for found in _DAY_FIRST.finditer(rest)]
    dates += [_day("20" + found[3], found[2], found[1]) for found in _SHORT.finditer(rest)]
    numbers = re.findall(r"\d+", _plain(rest))
    if any(dates) or any(len(number) >= _LONG_NUMBER for number in numbers):
        return True
    tokens = set(_words(key)) | set(re.findall(r"[a-z]+", key))
    if any(len(word) == 3 and word.isalpha() and word in tokens for word in _words(_folded(str(row.get("name"))))):
        return True
    return any(_share(value, plain, tokens, numbers) for value in values) or _is_document(row, tokens, plain)


def _share(value: str, plain: str, tokens: set[str], numbers: list[str]) -> bool:
    """Numbers of four figures are left alone: every list has a row 1990, and most of them a card that ends so."""
    whole, figures = _plain(value), re.sub(r"\D", "", value)
    return (
        any(len(word) >= (5 if word.isdigit() else 4) and word in plain for word in _words(value))
        or any(len(token) >= 4 and not token.isdigit() and token in whole for token in tokens)
        or any(len(number) >= 6 and number in figures for number in numbers)
        or (len(whole) >= 5 and whole in plain)
    )


def _is_document(row: Mapping[str, Any], tokens: set[str], plain: str) -> bool:
    document = row.get("document")
    numbers = [row.get("nik"), document.get("number") if isinstance(document, Mapping) else None]
    told = {_plain(_folded(str(number))) for number in numbers if number is not None}
    return any(len(number) >= 4 and (number in tokens or number == plain) for number in told)


def _values(row: Mapping[str, Any]) -> Iterator[str]:
    """Every text and number of the row, of fields that are not known, too: whoever is in it may stand there."""
    open_: list[Any] = [value for name, value in row.items() if name not in _CODES]
    while open_:
        value = open_.pop()
        if isinstance(value, Mapping):
            open_ += [inner for name, inner in value.items() if name not in _CODES]
        elif isinstance(value, list):
            open_ += value
        elif isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and value < 10**40):
            yield str(value)


def _births(born: Any) -> Iterator[str]:
    """The day of birth in figures, however it is written: `19900517`, `17051990`, `900517`, `170590`."""
    parts = re.findall(r"\d+", born) if isinstance(born, str) else []
    if len(parts) != 3:
        return
    year, month, day = parts if len(parts[0]) == 4 else parts[::-1]
    for years in {year, year[-2:]}:
        for months, days in {(month, day), (month.lstrip("0"), day.lstrip("0")), (month.zfill(2), day.zfill(2))}:
            for written in (years + months + days, days + months + years):
                if len(written) >= 6:
                    yield written


def _year_first(found: re.Match[str]) -> tuple[str, str, str]:
    joined = found["md"] or ""
    return found["y"], found["m"] or joined[:2], found["d"] or joined[2:]


def _kept(written: str, told: tuple[str, str, str], arrived: date) -> str:
    """Nothing, where this is when the list was made: a year, a month of it, or a day."""
    year, _, day = told
    if not day:
        return "-" if abs(int(year) - arrived.year) <= 1 else written
    made = _day(*told)
    return "-" if made is not None and abs((made - arrived).days) <= _NEAR_DAYS else written


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _folded(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in apart if not unicodedata.combining(one))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


def _plain(text: str) -> str:
    return "".join(one for one in text if one.isalnum())
