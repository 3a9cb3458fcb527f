"""Blind indexes: the same person is found under spellings that differ only in form, and nobody by accident."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.security.blind import BlindIndex, NothingToIndex, normal_name, normal_number

INDEX = BlindIndex(bytes(range(32)))


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Siti Aminah", "siti aminah"),
        ("  SITI\t aminah ", "siti aminah"),
        ("Siti-Aminah", "siti aminah"),
        ("Sîtí Ámìnah", "siti aminah"),
        ("Si\u0301ti\u00a0Aminah", "siti aminah"),
        ("Siti\u200b Aminah", "siti aminah"),
        ("Ｓｉｔｉ Aminah", "siti aminah"),
        ("Mu'min", "mumin"),
        ("Mu’min", "mumin"),
        ("Muʼmin", "mumin"),
        ("M.Yusuf", "m yusuf"),
        ("M. Yusuf", "m yusuf"),
        ("Abd. Rahman, S.Pd", "abd rahman s pd"),
        ("Straße", "strasse"),
        ("陳美玲", "陳美玲"),
        ("-.'", ""),
        ("…’", ""),
        ("", ""),
    ],
)
def test_names_as_they_are_compared(written: str, normal: str) -> None:
    assert normal_name(written) == normal


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("3507120101900001", "3507120101900001"),
        ("35.07.12-010190 0001", "3507120101900001"),
        ("xd 123/456", "XD123456"),
        ("ＸＤ１２３", "XD123"),
        ("٣٥", "35"),
        ("№ 7’", "NO7"),
        ("- ", ""),
    ],
)
def test_numbers_as_they_are_compared(written: str, normal: str) -> None:
    assert normal_number(written) == normal


@settings(deadline=None)
@given(st.text())
def test_what_is_normal_stays_as_it_is(text: str) -> None:
    assert normal_name(normal_name(text)) == normal_name(text)
    assert normal_number(normal_number(text)) == normal_number(text)


@settings(deadline=None)
@given(st.text(alphabet=string.printable))
def test_one_accent_does_not_change_how_the_rest_is_read(text: str) -> None:
    assert normal_name(f"{text} é") == f"{normal_name(text)} e".strip()
    assert normal_number(f"{text}é") == f"{normal_number(text)}E"


def test_tokens_never_change() -> None:
    """They are stored. HMAC-SHA256 over `4:namesiti aminah`, its first 16 bytes."""
    assert INDEX.token("name", "siti aminah").hex() == "9c3888a167271273abe3a7829dad5e6a"


def test_a_token_depends_on_kind_value_and_key() -> None:
    tokens = {
        INDEX.token("name", "siti"),
        INDEX.token("name", "sitI"),
        INDEX.token("names", "iti"),
        INDEX.token("nam", "esiti"),
        INDEX.token("document", "siti"),
        BlindIndex(bytes(32)).token("name", "siti"),
    }
    assert len(tokens) == 6
    assert {len(token) for token in tokens} == {16}


def test_who_has_no_number_is_like_nobody() -> None:
    with pytest.raises(NothingToIndex) as refusal:
        INDEX.token("nik", normal_number(" - "))
    assert str(refusal.value) == "nik"


def test_no_text_is_beyond_the_index() -> None:
    assert len(INDEX.token("name", normal_name("a\ud800"))) == 16


def test_the_key_is_whole_and_never_shown() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        BlindIndex(b"short")
    assert repr(INDEX) == "BlindIndex()"
