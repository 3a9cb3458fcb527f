"""The search finds a mark in every form, and nothing where there is none."""

import base64
import hashlib
import random
from pathlib import Path

import pytest

from tests.canary.marks import BORN, Marks, every_form


@pytest.mark.parametrize("kind", ["text", "nik", "phone", "document"])
def test_a_mark_is_found_in_every_form(kind: str) -> None:
    marks = Marks(1)
    mark = getattr(marks, kind)("POST /somewhere body/field")
    forms = every_form(mark)
    for name, content in forms.items():
        assert list(marks.found_in(b"\x00\x01" + content + b"\xff")), name
    (found,) = marks.found_in(mark.encode())
    assert found.origin == "POST /somewhere body/field"


BIRTHS = (BORN, "19110203", "03.02.1911", "3/2/1911", "02/03/1911", "03021911", "3 Februari 1911", "-1859068800000")
ANSWERS = (
    """"pregnant":true|'pregnant': False|pregnant=True|\\"pregnant\\":true|"pregnant" : 1|"guardian":{|witness='Ani"""
)


def test_birth_dates_and_answers_are_found() -> None:
    for content in (*BIRTHS, *ANSWERS.split("|")):
        assert list(Marks(1).found_in(f"x {content} x".encode())), content
    for content in (BORN, "19110203", '"pregnant":true', "'disability': False"):
        for encoded in (base64.b64encode(f"y{content}".encode()), content.encode().hex().encode()):
            assert list(Marks(1).found_in(encoded)), content
        assert list(Marks(1).found_in(content.encode("utf-16-le"))), content


def test_numbers_are_found_in_groups_by_their_tail_and_digested() -> None:
    marks = Marks(1)
    nik, document, phone = marks.nik("x"), marks.document("x"), marks.phone("x")
    for sep in (" ", ".", "-"):
        for number in (nik, document, phone):
            grouped = sep.join(number[at : at + 4] for at in range(0, len(number), 4))
            assert list(marks.found_in(grouped.encode())), grouped
    assert list(marks.found_in(b"************" + nik[-4:].encode()))
    for number in (nik, document, phone, nik.upper()):
        assert list(marks.found_in(hashlib.sha256(number.encode()).hexdigest().encode())), number


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
