"""Habits that no linter knows."""

import pytest

from tests.architecture.source import clock_readings, source_files, swallowing

MAX_LINES = 300
LONG: dict[str, str] = {}
"""Files that may be longer, each with its reason."""
PURE = ("/rules", "/disclosure", "/redaction")


def test_no_error_is_swallowed() -> None:
    found = {name: lines for name, path in source_files() if (lines := swallowing(path.read_text()))}
    assert found == {}


def test_rules_have_no_clock_of_their_own() -> None:
    pure = [
        (name, path) for name, path in source_files() if any(f"{room}." in name or f"{room}/" in name for room in PURE)
    ]
    assert len(pure) >= 5
    assert {name: lines for name, path in pure if (lines := clock_readings(path.read_text()))} == {}


def test_files_are_small() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in source_files()}
    long = {name for name, lines in lengths.items() if lines > MAX_LINES}
    assert long - set(LONG) == set(), f"over {MAX_LINES} lines: make it a folder of the same name"
    assert set(LONG) - long == set(), "no longer an exception: take it off the list"
    assert sorted(lengths.values())[len(lengths) // 2] < 100, "half of the files should be under 100 lines"


@pytest.mark.parametrize(
    "body",
    [
        "try: f()\nexcept Exception: pass",
        "try: f()\nexcept: pass",
        "try: f()\nexcept BaseException as error: g()",
        "try: f()\nexcept (KeyError, Exception): g()",
        "try: f()\nexcept builtins.Exception: g()",
        "while f():\n    try: g()\n    except Exception: continue",
        "with contextlib.suppress(Exception): f()",
        "with suppress(KeyError, BaseException): f()",
    ],
)
def test_swallowing_is_found(body: str) -> None:
    assert len(swallowing(body)) == 1


@pytest.mark.parametrize(
    "body",
    [
        "try: f()\nexcept KeyError: pass",
        "try: f()\nexcept Exception: raise",
        "try: f()\nexcept Exception as error: log(type(error))",
        "try: f()\nexcept BaseException:\n    close()\n    raise",
        "with contextlib.suppress(TimeoutError): f()",
    ],
)
def test_catching_with_care_is_not_swallowing(body: str) -> None:
    assert swallowing(body) == []


def test_asking_the_clock_is_found() -> None:
    assert clock_readings("a = datetime.now(UTC)\nb = date.today()\nc = utc_now()\nd = day(now)") == [1, 2, 3]
