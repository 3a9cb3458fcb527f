"""Secrets that live in a file: 32 random bytes in base64, or a PEM, made once, for its owner's eyes."""

import base64
import binascii
import os
import secrets
from collections.abc import Callable
from pathlib import Path

SECRET_BYTES = 32


class SecretInvalid(ValueError):
    """A secret is not 32 bytes in base64, or its file cannot be read as what it should hold."""


def decode_secret(text: str, origin: str) -> bytes:
    """The 32 bytes behind a base64 `text`; `origin` (a file, a setting) is all that the error tells.

    Raises SecretInvalid.
    """
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise SecretInvalid(f"{origin} must hold {SECRET_BYTES} bytes in base64")
    return secret


def load_or_create_secret(path: Path) -> bytes:
    """The 32-byte secret in `path`, made on first use. Raises SecretInvalid, OSError."""
    content = load_or_create(path, _new_secret)
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        raise SecretInvalid(f"{path.name} must hold {SECRET_BYTES} bytes in base64") from None
    return decode_secret(text, path.name)


def load_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """What `path` holds; where there is no such file, `make()` is written there (0600, in a folder of 0700).

    Whoever comes first wins: the file appears whole or not at all, and processes that start together all get
    the same secret. A folder that exists already keeps its mode. Raises OSError.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write_durably(draft, make())
        try:
            # A link, unlike a rename, refuses to replace what another process has just made.
            os.link(draft, path)
        except FileExistsError:
            return path.read_bytes()
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return path.read_bytes()


def _new_secret() -> bytes:
    return base64.b64encode(os.urandom(SECRET_BYTES)) + b"\n"


def _write_durably(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
