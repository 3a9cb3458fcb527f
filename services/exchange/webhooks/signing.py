"""Signatures as https://www.standardwebhooks.com has them: `v1` HMAC-SHA256, `v1a` Ed25519, over id, time and body."""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SECRET_BYTES = 32
"""Of 24 to 64 that the specification allows."""
_SHARED, _PRIVATE, _PUBLIC = "whsec_", "whsk_", "whpk_"
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Signer:
    """One generation of an endpoint's secrets. Safe to share between tasks."""

    shared: bytes = field(repr=False)
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def secret(self) -> str:
        """What the receiver verifies `v1` with."""
        return _SHARED + _text(self.shared)

    @property
    def public_key(self) -> str:
        """What anybody verifies `v1a` with."""
        return _PUBLIC + _text(self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def private_key(self) -> str:
        """As it is stored, sealed; never shown."""
        return _PRIVATE + _text(self.private.private_bytes_raw())


def new_signer() -> Signer:
    """With secrets of its own."""
    return Signer(os.urandom(SECRET_BYTES), Ed25519PrivateKey.generate())


def signer_of(secret: str, private_key: str) -> Signer:
    """From their texts. Raises ValueError."""
    shared = base64.b64decode(secret.removeprefix(_SHARED), validate=True)
    seed = base64.b64decode(private_key.removeprefix(_PRIVATE), validate=True)
    return Signer(shared, Ed25519PrivateKey.from_private_bytes(seed))


def message_id(agency: str, grant: int, source: str, event_id: str) -> str:
    """The `webhook-id`: the same at every attempt, at every endpoint of the agency, and after a replay.

    Another grant tells the same event again, as another message. It says nothing that the agency does not know.
    """
    parts = (agency, str(grant), source, event_id)
    content = "".join(f"{len(part)}:{part}" for part in parts).encode()
    digest = hashlib.sha256(content).digest()[:_ID_BYTES]
    return "msg_" + base64.b32encode(digest).decode().rstrip("=").lower()


def signed_headers(signers: Iterable[Signer], message: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """The three headers. `timestamp`: seconds since 1970 of this attempt. All of `v1` come first, the newest ahead."""
    signers = list(signers)
    content = f"{message}.{timestamp}.".encode() + body
    signatures = [f"v1,{_text(hmac.digest(one.shared, content, 'sha256'))}" for one in signers]
    signatures += [f"v1a,{_text(one.private.sign(content))}" for one in signers]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
