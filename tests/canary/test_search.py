"""The search finds a mark in every form, and nothing where there is none."""

import random
from pathlib import Path

import pytest

from tests.canary.marks import BORN, SEALED_ANSWERS, Marks, every_form


@pytest.mark.parametrize("kind", ["text", "nik", "phone", "document"])
def test_a_mark_is_found_in_every_form(kind: str) -> None:
    marks = Marks(1)
    mark = getattr(marks, kind)("POST /somewhere body/field")
    forms = every_form(mark)
    if kind == "document":  # too short for more than its own letters
        forms = {name: forms[name] for name in ("plain", "in JSON", "in small letters", "gzip", "zlib")}
    for name, content in forms.items():
        assert list(marks.found_in(b"\x00\x01" + content + b"\xff")), name
    (found,) = marks.found_in(mark.encode())
    assert found.origin == "POST /somewhere body/field"


def test_birth_dates_and_answers_are_found() -> None:
    for content in (BORN.encode(), b"19110203", b"03.02.1911", b"3/2/1911", *SEALED_ANSWERS):
        assert list(Marks(1).found_in(b"x" + content + b"x")), content


def test_nothing_is_found_where_nothing_is() -> None:
    marks = Marks(1)
    for _ in range(300):
        marks.text(""), marks.nik(""), marks.phone(""), marks.document(""), marks.public_text("")
    assert list(marks.found_in(random.Random(1).randbytes(4_000_000))) == []  # noqa: S311
    assert list(marks.found_in(b'{"name":"Shelter","from_date":"2026-11-03","nik":"3507125705900003"}' * 1000)) == []


def test_a_public_mark_is_known_and_no_find(tmp_path: Path) -> None:
    marks = Marks(1)
    mark = marks.public_text("PUT /somewhere body/name")
    assert list(marks.found_in(mark.encode())) == []
    assert marks.public_in(b"xx" + mark.encode()) == {"PUT /somewhere body/name"}
    (tmp_path / "file").write_bytes(b"\0" * (8 * 1024 * 1024 - 5) + marks.text("there").encode())
    assert [found.origin for found in marks.found_in_file(tmp_path / "file")] == ["there"]
