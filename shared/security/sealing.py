"""Sealing of what is personal: AES-256-GCM, a data key per case, each wrapped by a key-encryption key.

A sealed value is `version (1 byte) | nonce (12) | ciphertext and tag`. Its associated data binds case, table
and column, so that a value moved to another row or column does not open.
"""

import hashlib
from os import urandom
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.security.secret_files import decode_secret, load_or_create_secret

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_VERSION = b"\x01"
_CIPHERTEXT_AT = 1 + _NONCE_BYTES
_SHORTEST = _CIPHERTEXT_AT + _TAG_BYTES


class SealBroken(Exception):
    """A sealed value does not open: it was altered, or belongs to another case, table, column or key."""


class DataKey:
    """The key of one case. Safe to share between threads; holds its bytes only inside the cipher.

    One key seals at most 2^32 values (NIST SP 800-38D, 8.3: random 96-bit nonces); a case has a few dozen.
    """

    __slots__ = ("_cipher", "id")

    def __init__(self, key_id: str, key: bytes) -> None:
        """`key_id`: UUIDv7 as text; `key`: 32 bytes (ValueError otherwise)."""
        _check_key_length(key)
        self.id = key_id
        self._cipher = AESGCM(key)

    def seal(self, text: str, *, case: str, table: str, column: str) -> bytes:
        """`text`, sealed for exactly this place. 29 bytes longer than its UTF-8.

        Raises ValueError for what is not Unicode text (lone surrogates).
        """
        try:
            plain = text.encode()
        except UnicodeEncodeError:
            # The original error carries the text itself.
            raise ValueError("text to seal holds lone surrogates") from None
        nonce = urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, _place(case, table, column))

    def open(self, sealed: bytes, *, case: str, table: str, column: str) -> str:
        """The text that was sealed for this place. Raises SealBroken."""
        return _unseal(self._cipher, sealed, _place(case, table, column)).decode()

    def __repr__(self) -> str:
        return f"DataKey({self.id!r})"


class Kek:
    """A key-encryption key: wraps data keys. Its id follows from its bytes, and every wrapped key names it."""

    __slots__ = ("_cipher", "id")

    def __init__(self, key: bytes) -> None:
        """`key`: 32 bytes (ValueError otherwise)."""
        _check_key_length(key)
        self.id = hashlib.sha256(b"pulang kek id\x00" + key).hexdigest()[:16]
        self._cipher = AESGCM(key)

    @classmethod
    def load_or_create(cls, path: Path) -> "Kek":
        """The key in `path`, made on first use (0600). Raises SecretInvalid, OSError."""
        return cls(load_or_create_secret(path))

    @classmethod
    def from_environment(cls, value: str) -> "Kek":
        """The key from the value of a setting: 32 bytes in base64. Raises SecretInvalid."""
        return cls(decode_secret(value, "the key-encryption key"))

    def wrap(self, key_id: str, key: bytes) -> bytes:
        """`key`, wrapped under the name `key_id`; always 61 bytes for a data key."""
        nonce = urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, key, self._name(key_id))

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """The key behind `wrapped`. Raises SealBroken, also where it was wrapped under another name."""
        return _unseal(self._cipher, wrapped, self._name(key_id))

    def _name(self, key_id: str) -> bytes:
        return f"pulang key {self.id} {key_id}".encode()

    def __repr__(self) -> str:
        return f"Kek({self.id!r})"


def _place(case: str, table: str, column: str) -> bytes:
    # Each part after its own length: ("a", "bc") and ("ab", "c") must not be the same place.
    return f"1;{len(case)}:{case}{len(table)}:{table}{len(column)}:{column}".encode()


def _unseal(cipher: AESGCM, sealed: bytes, associated: bytes) -> bytes:
    if len(sealed) < _SHORTEST or sealed[:1] != _VERSION:
        raise SealBroken("not a sealed value of a known version")
    try:
        return cipher.decrypt(sealed[1:_CIPHERTEXT_AT], sealed[_CIPHERTEXT_AT:], associated)
    except InvalidTag:
        raise SealBroken("altered, or sealed for another place or with another key") from None


def _check_key_length(key: bytes) -> None:
    # AESGCM would take 16 bytes as well, and quietly be AES-128.
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes")
