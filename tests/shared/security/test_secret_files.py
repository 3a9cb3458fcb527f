"""Secrets in files: made once, whole, for the owner alone; the same for all that start together."""

import base64
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from shared.security.sealing import Kek
from shared.security.secret_files import SecretInvalid, load_or_create
from shared.security.secrets import Secrets

WITHOUT_32_BYTES = ["", "\n", "not base64!", base64.b64encode(bytes(31)).decode(), "é" * 44, "A" * 45, "\x00"]


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_kek_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "kek"
    before = os.umask(0)
    try:
        made = Kek.load_or_create(path)
    finally:
        os.umask(before)
    assert (_mode(path), _mode(path.parent)) == (0o600, 0o700)
    assert Kek.load_or_create(path).id == made.id
    assert [entry.name for entry in path.parent.iterdir()] == ["kek"]


def test_a_kek_from_the_environment_is_the_one_of_the_file(tmp_path: Path) -> None:
    made = Kek.load_or_create(tmp_path / "kek")
    assert Kek.from_environment((tmp_path / "kek").read_text()).id == made.id
    assert Kek.from_environment(base64.b64encode(bytes(32)).decode()).id != made.id


@pytest.mark.parametrize("text", WITHOUT_32_BYTES)
def test_what_is_not_32_bytes_in_base64_is_refused_without_being_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "kek"
    path.write_text(text, encoding="utf-8")
    for load in (
        lambda: Kek.load_or_create(path),
        lambda: Kek.from_environment(text),
        lambda: Secrets.from_environment(text),
    ):
        with pytest.raises(SecretInvalid, match="must hold 32 bytes in base64") as refusal:
            load()
        assert not text.strip() or text.strip() not in str(refusal.value)
    assert path.read_text(encoding="utf-8") == text


def test_what_another_process_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secret"

    def make_late() -> bytes:
        assert load_or_create(path, lambda: b"theirs") == b"theirs"
        return b"ours"

    assert load_or_create(path, make_late) == b"theirs"
    assert path.read_bytes() == b"theirs"
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]


def test_processes_that_start_together_get_one_secret(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from shared.security.sealing import Kek; "
        "sys.stdin.readline(); print(Kek.load_or_create(Path(sys.argv[1])).id)"
    )
    path = tmp_path / "new" / "kek"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ids = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert ids == {Kek.load_or_create(path).id}
    assert [entry.name for entry in path.parent.iterdir()] == ["kek"]


def test_secrets_are_the_same_after_a_restart_and_from_the_environment(tmp_path: Path) -> None:
    secrets = Secrets.load(tmp_path / "secrets")
    root = tmp_path / "secrets" / "root-secret"
    assert _mode(root) == 0o600
    assert Secrets.load(tmp_path / "secrets") == secrets
    assert Secrets.from_environment(root.read_text()) == secrets
    assert Secrets.load(tmp_path / "other") != secrets


def test_every_secret_is_another_and_none_is_shown() -> None:
    root = bytes(range(32))
    secrets = Secrets.from_environment(base64.b64encode(root).decode())
    values = [getattr(secrets, field.name) for field in fields(secrets)]
    assert [len(value) for value in values] == [32] * 9
    assert len({*values, root}) == 10
    assert repr(secrets) == "Secrets()"


def test_derivation_never_changes() -> None:
    """What these keys hashed is stored: another derivation would orphan indexes, chains and cursors."""
    secrets = Secrets.from_environment(base64.b64encode(bytes(32)).decode())
    assert {field.name: getattr(secrets, field.name).hex()[:16] for field in fields(secrets)} == {
        "blind": "24136592db1d0eb2",
        "chain": "6c4737167e0c8965",
        "fingerprint": "c2b773cfd9b1b0b9",
        "cursor": "3c0f033b7a507861",
        "place": "e5955d6cc7bcc9cd",
        "audit": "3372b9c22cdc955a",
        "heads": "5cfb401e0281cdb0",
        "figures": "0f10af47dfec5e13",
        "webhook": "4bc9644bd03674d5",
    }
