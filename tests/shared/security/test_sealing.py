"""What is sealed opens in its own place, with its own key, unaltered; and nowhere else."""

import copy
import pickle
import threading
from os import urandom

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.security.sealing import DataKey, Kek, SealBroken

PLACE = {"case": "0198c0de-0000-7000-8000-000000000001", "table": "person", "column": "name"}
KEY = DataKey("0198c0de-0000-7000-8000-00000000000a", bytes(range(32)))


@settings(deadline=None)
@given(text=st.text(), case=st.text(), table=st.text(), column=st.text())
def test_opens_to_the_same_text(text: str, case: str, table: str, column: str) -> None:
    sealed = KEY.seal(text, case=case, table=table, column=column)
    assert KEY.open(sealed, case=case, table=table, column=column) == text
    assert len(sealed) == len(text.encode()) + 29


@settings(deadline=None)
@given(places=st.lists(st.tuples(*[st.text(alphabet="a:1é;", max_size=4)] * 3), min_size=2, max_size=2, unique=True))
def test_opens_in_no_other_place(places: list[tuple[str, str, str]]) -> None:
    (case, table, column), (other_case, other_table, other_column) = places
    sealed = KEY.seal("Siti", case=case, table=table, column=column)
    with pytest.raises(SealBroken):
        KEY.open(sealed, case=other_case, table=other_table, column=other_column)


def test_parts_of_a_place_cannot_be_shifted() -> None:
    sealed = KEY.seal("Siti", case="ab", table="c", column="d")
    for case, table, column in [("a", "bc", "d"), ("ab", "", "cd"), ("abc", "d", ""), ("ab1:c", "", "d")]:
        with pytest.raises(SealBroken):
            KEY.open(sealed, case=case, table=table, column=column)


def test_every_altered_byte_is_noticed() -> None:
    sealed = KEY.seal("Siti", **PLACE)
    for index in range(len(sealed)):
        altered = bytearray(sealed)
        altered[index] ^= 1
        with pytest.raises(SealBroken):
            KEY.open(bytes(altered), **PLACE)


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_garbage_does_not_open(garbage: bytes) -> None:
    with pytest.raises(SealBroken):
        KEY.open(garbage, **PLACE)


@pytest.mark.parametrize("length", [0, 1, 12, 28])
def test_a_shortened_value_does_not_open(length: int) -> None:
    with pytest.raises(SealBroken):
        KEY.open(KEY.seal("", **PLACE)[:length], **PLACE)


def test_another_key_does_not_open() -> None:
    with pytest.raises(SealBroken):
        DataKey(KEY.id, urandom(32)).open(KEY.seal("Siti", **PLACE), **PLACE)


def test_the_same_text_is_never_sealed_alike() -> None:
    assert len({KEY.seal("Siti", **PLACE) for _ in range(1000)}) == 1000


def test_a_text_that_is_not_unicode_is_refused_without_being_told() -> None:
    with pytest.raises(ValueError, match="lone surrogates") as refusal:
        KEY.seal("Siti \ud800", **PLACE)
    assert refusal.value.__suppress_context__
    assert not isinstance(refusal.value, UnicodeError)


def test_keys_are_256_bits_and_nothing_else() -> None:
    for length in (0, 16, 24, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            DataKey("a", bytes(length))
        with pytest.raises(ValueError, match="32 bytes"):
            Kek(bytes(length))


@pytest.mark.parametrize("key", [KEY, Kek(bytes(range(32)))], ids=["data key", "kek"])
def test_a_key_shows_only_its_id_and_does_not_travel(key: DataKey | Kek) -> None:
    assert repr(key) == f"{type(key).__name__}({key.id!r})"
    with pytest.raises(TypeError):
        pickle.dumps(key)
    with pytest.raises(TypeError):
        copy.deepcopy(key)


def test_threads_share_a_key() -> None:
    wrong: list[str] = []

    def seal_and_open(name: str) -> None:
        for number in range(500):
            text = f"{name} {number}"
            if KEY.open(KEY.seal(text, **PLACE), **PLACE) != text:
                wrong.append(text)

    threads = [threading.Thread(target=seal_and_open, args=(f"thread {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_wrapped_key_unwraps_under_its_own_name_only() -> None:
    kek = Kek(urandom(32))
    wrapped = kek.wrap("one", b"k" * 32)
    assert kek.unwrap("one", wrapped) == b"k" * 32
    with pytest.raises(SealBroken):
        kek.unwrap("two", wrapped)
    with pytest.raises(SealBroken):
        Kek(urandom(32)).unwrap("one", wrapped)
