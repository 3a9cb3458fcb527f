"""A destroyed key is not in the file any more: its bytes are looked for, not its row."""

import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from shared.database.protocol import DatabaseUnavailable
from shared.security.keys import DestructionUnfinished, KeyDestroyed, SqliteKeyStore
from shared.security.sealing import Kek

KEK, NEW_KEK = Kek(bytes([1]) * 32), Kek(bytes([2]) * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteKeyStore]:
    store = SqliteKeyStore(path, KEK, "r1", batch=64, patience_seconds=0.2)
    yield store
    store.close()


def _wrapped(path: Path) -> dict[str, bytes]:
    reader = sqlite3.connect(path)
    try:
        return dict(reader.execute("SELECT key_id, wrapped FROM data_key").fetchall())
    finally:
        reader.close()


def _in_the_files(path: Path, needles: set[bytes]) -> set[bytes]:
    content = b"\n".join(file.read_bytes() for file in path.parent.iterdir())
    return {needle for needle in needles if needle in content}


def test_the_bytes_of_destroyed_keys_are_gone_and_those_of_the_others_are_not(
    store: SqliteKeyStore, path: Path
) -> None:
    ids = [key.id for count in (1, 700, 3, 64, 1200) for key in store.take(count)]
    wrapped = _wrapped(path)
    assert _in_the_files(path, {wrapped[key_id] for key_id in ids}) == {wrapped[key_id] for key_id in ids}
    doomed = sorted(ids, key=lambda key_id: sha256(key_id.encode()).digest())[:1500]
    kept = sorted({*ids} - {*doomed})
    for start in range(0, len(doomed), 100):
        store.destroy(doomed[start : start + 100])
        store.take(90)
    # Not even half of a wrapped key may be left over.
    halves = {half for key_id in doomed for half in (wrapped[key_id][:30], wrapped[key_id][31:])}
    assert _in_the_files(path, halves) == set()
    assert _in_the_files(path, {wrapped[key_id] for key_id in kept}) == {wrapped[key_id] for key_id in kept}
    for key_id in kept:
        assert store.get(key_id).id == key_id


def test_nothing_that_the_old_kek_wrapped_is_left_after_a_rewrap(store: SqliteKeyStore, path: Path) -> None:
    ids = [key.id for key in store.take(6_000)]
    before = _wrapped(path)
    store.rewrap(KEK, NEW_KEK)
    assert _in_the_files(path, {before[key_id] for key_id in ids}) == set()


def test_a_reader_that_holds_the_old_bytes_is_told_of_and_waited_for_by_trying_again(
    store: SqliteKeyStore, path: Path
) -> None:
    key = store.take(1)[0]
    wrapped = _wrapped(path)[key.id]
    backup = sqlite3.connect(path, isolation_level=None)
    backup.execute("BEGIN")
    backup.execute("SELECT count(*) FROM data_key").fetchone()
    with pytest.raises(DestructionUnfinished):
        store.destroy([key.id])
    with pytest.raises(KeyDestroyed):
        store.get(key.id)
    backup.execute("COMMIT")
    backup.close()
    store.destroy([key.id])
    assert _in_the_files(path, {wrapped}) == set()


def test_a_file_that_takes_nothing_just_now_is_an_outage(tmp_path: Path) -> None:
    """A disk that is full as well: whoever asks is told to come again, and not that something broke."""
    kek = Kek.load_or_create(tmp_path / "kek")
    store = SqliteKeyStore(tmp_path / "keys.db", kek, owner="intake", patience_seconds=0.05)
    other = sqlite3.connect(tmp_path / "keys.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="key store"):
        store.take(1)
    other.execute("ROLLBACK")
    assert len(store.take(1)) == 1
    store.close()
    other.close()
