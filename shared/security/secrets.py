"""The keys that are not for sealing: one root secret, and independent keys derived from it per purpose."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.security.secret_files import decode_secret, load_or_create_secret

ROOT_FILE = "root-secret"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Keys of 32 bytes each, for keyed hashes; no one of them tells anything about another.

    They do not depend on the key-encryption key: that one may be rotated, while what these hashed is stored.
    """

    blind: bytes = field(repr=False)
    """Blind indexes over identity."""
    chain: bytes = field(repr=False)
    """The hash chains of the event logs."""
    fingerprint: bytes = field(repr=False)
    """Fingerprints of request bodies (idempotency)."""
    cursor: bytes = field(repr=False)
    """Page and feed cursors."""
    place: bytes = field(repr=False)
    """Opaque ids of places, per agency."""
    audit: bytes = field(repr=False)
    """The hash chains of the audit logs."""
    heads: bytes = field(repr=False)
    """What is published of those chains."""
    figures: bytes = field(repr=False)
    """What is withheld beside a small figure, where figures are published."""

    @classmethod
    def load(cls, folder: Path) -> "Secrets":
        """Derived from `folder`/root-secret, made on first use (0600). Raises SecretInvalid, OSError."""
        return cls._from_root(load_or_create_secret(folder / ROOT_FILE))

    @classmethod
    def from_environment(cls, value: str) -> "Secrets":
        """Derived from the value of a setting: 32 bytes in base64. Raises SecretInvalid."""
        return cls._from_root(decode_secret(value, "the root secret"))

    @classmethod
    def _from_root(cls, root: bytes) -> "Secrets":
        return cls(
            blind=_derive(root, "blind"),
            chain=_derive(root, "chain"),
            fingerprint=_derive(root, "fingerprint"),
            cursor=_derive(root, "cursor"),
            place=_derive(root, "place"),
            audit=_derive(root, "audit"),
            heads=_derive(root, "heads"),
            figures=_derive(root, "figures"),
        )


def _derive(root: bytes, purpose: str) -> bytes:
    # HKDF (RFC 5869); the root is uniformly random, so it needs no salt.
    info = f"pulang/{purpose}/v1".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(root)
