"""Who is calling: bearer tokens in, a `Caller` out. Nothing else in Pulang reads a token."""

import hashlib
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from shared.security.claims import Unauthenticated, event_types_of, text_of, texts_of, time_of
from shared.security.roles import Roles
from shared.security.secret_files import SecretInvalid, load_or_create

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Caller", "DevelopmentIssuer", "IssuerUnavailable", "JwtVerifier", "Roles", "Unauthenticated", "Verifier"]

AUDIENCE = "pulang"
DEVELOPMENT_ISSUER = "pulang-development"
LONGEST_TOKEN_BYTES = 8 * 1024
LEEWAY_SECONDS = 30
_CACHED_TOKENS = 4096
_AGENCY = re.compile(r"[a-z0-9]{1,64}")
_REQUIRED = ("exp", "iat", "sub", "agency", "roles")


class IssuerUnavailable(Exception):
    """No key of the issuer is known: nobody can be let in, and nobody told that their token is wrong."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, as the token says and the roles allow. `facilities` empty: the token names none."""

    subject: str
    agency: str
    roles: frozenset[str]
    facilities: frozenset[str]
    permissions: frozenset[str]
    expires_at: datetime
    token_id: str
    event_types: frozenset[str] | None = None
    """Types of events that the token is limited to; None where it is not."""


class Verifier(Protocol):
    """Whatever can tell who sent a token."""

    def verify(self, token: str) -> Caller:
        """The caller who holds this token, from any thread and at once.

        Raises Unauthenticated, whatever the text is, and IssuerUnavailable.
        """

    async def admit(self, token: str) -> Caller:
        """As `verify`; a token signed with a key that is not known yet may wait for it."""

    async def healthy(self) -> str | None:
        """None while it can tell; else one line that says what is missing."""


class JwtVerifier:
    """Verifies signed JWTs of one issuer; algorithm, issuer and audience are pinned here (RFC 8725).

    `key_of` finds the public key for a token's `kid` (None where it has none) and raises Unauthenticated for one
    that it does not know; an error of its own, such as an issuer out of reach, goes through as it is.
    Callers of good tokens are remembered until the token expires, at most 4096 of them.
    """

    def __init__(
        self,
        *,
        key_of: Callable[[str | None], Any],
        algorithms: Sequence[str],
        issuer: str,
        roles: Roles,
        audience: str = AUDIENCE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        # Here and not above: the import costs more than all else in this folder, and most only need Caller.
        import jwt

        self._jwt = jwt
        self._key_of = key_of
        self._algorithms = tuple(algorithms)
        self._issuer = issuer
        self._audience = audience
        self._roles = roles
        self._now = now
        self._known: OrderedDict[bytes, Caller] = OrderedDict()
        self._forgotten = 0
        self._lock = threading.Lock()

    async def healthy(self) -> str | None:
        """See Verifier. Its keys are here."""
        return None

    async def admit(self, token: object) -> Caller:
        """See Verifier."""
        return self.verify(token)

    def forget(self) -> None:
        """Tokens that were seen are verified again: for whoever takes a key away."""
        with self._lock:
            self._known.clear()
            self._forgotten += 1

    def verify(self, token: object) -> Caller:
        """See Verifier."""
        if not isinstance(token, str) or not token:
            raise Unauthenticated("there is no token")
        if len(token) > LONGEST_TOKEN_BYTES:
            raise Unauthenticated("the token is too long")
        if not token.isascii():
            raise Unauthenticated("the token is malformed")
        digest = hashlib.sha256(token.encode("ascii")).digest()
        now = self._now()
        with self._lock:
            caller = self._known.get(digest)
            if caller is not None:
                if now < caller.expires_at:
                    self._known.move_to_end(digest)
                    return caller
                del self._known[digest]
            forgotten = self._forgotten
        caller = self._read(token, now, digest)
        with self._lock:
            # Its key may have been taken away since it was found.
            if forgotten == self._forgotten:
                self._known[digest] = caller
            if len(self._known) > _CACHED_TOKENS:
                self._known.popitem(last=False)
        return caller

    def _read(self, token: str, now: datetime, digest: bytes) -> Caller:
        key = self._key_of(self._key_id(token))
        jwt = self._jwt
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=self._algorithms,
                audience=self._audience,
                issuer=self._issuer,
                # Times are checked below, against this verifier's clock and with strict types.
                options={
                    "require": ["iss", "aud", *_REQUIRED],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.MissingRequiredClaimError:
            raise Unauthenticated("the token lacks a claim") from None
        except jwt.InvalidAudienceError:
            raise Unauthenticated("the token is for another audience") from None
        except jwt.InvalidIssuerError:
            raise Unauthenticated("the token is from another issuer") from None
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
            raise Unauthenticated("the signature is not valid") from None
        except Exception:
            # Anyone may send anything: whatever a parser stumbles over is the sender's fault.
            raise Unauthenticated("the token is malformed") from None
        return _read_claims(claims, self._roles, now, token_id=digest.hex())

    def _key_id(self, token: str) -> str | None:
        try:
            key_id = self._jwt.get_unverified_header(token).get("kid")
        except Exception:
            raise Unauthenticated("the token is malformed") from None
        if key_id is not None and not isinstance(key_id, str):
            raise Unauthenticated("the token is malformed")
        return key_id


class DevelopmentIssuer:
    """Issues tokens on one machine, with an Ed25519 key of its own in the data folder. Not for a network."""

    def __init__(self, folder: Path) -> None:
        """The key is in `folder`/development-issuer.pem, made on first use. Raises SecretInvalid, OSError."""
        self._key = _load_signing_key(folder / "development-issuer.pem")

    def issue(
        self,
        agency: str,
        role: str,
        facility: Sequence[str] | None = None,
        subject: str | None = None,
        lifetime: timedelta = timedelta(hours=12),
        scope: str | None = None,
    ) -> str:
        """A token for somebody of `agency` with `role`, at these facilities; `subject`: by default role@agency.

        Raises ValueError for an agency that no verifier would accept.
        """
        import jwt

        if not _AGENCY.fullmatch(agency):
            raise ValueError("an agency is written in small letters and digits")
        now = datetime.now(UTC)
        claims = {
            "iss": DEVELOPMENT_ISSUER,
            "aud": AUDIENCE,
            "sub": subject or f"{role}@{agency}",
            "agency": agency,
            "roles": [role],
            "facilities": [facility] if isinstance(facility, str) else list(facility or ()),
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": secrets.token_hex(16),
        } | ({"scope": scope} if scope else {})
        return jwt.encode(claims, self._key, algorithm="EdDSA")

    def verifier(self, roles: Roles) -> Verifier:
        """What accepts this issuer's tokens, and no others."""
        public_key = self._key.public_key()
        return JwtVerifier(key_of=lambda _: public_key, algorithms=("EdDSA",), issuer=DEVELOPMENT_ISSUER, roles=roles)


def _read_claims(claims: Mapping[str, object], roles: Roles, now: datetime, token_id: str) -> Caller:
    expires = time_of(claims, "exp")
    if now.timestamp() >= expires + LEEWAY_SECONDS:
        raise Unauthenticated("the token has expired")
    earliest = max(time_of(claims, "iat"), time_of(claims, "nbf") if "nbf" in claims else 0)
    if now.timestamp() < earliest - LEEWAY_SECONDS:
        raise Unauthenticated("the token is not valid yet")
    agency = text_of(claims, "agency")
    if not _AGENCY.fullmatch(agency):
        raise Unauthenticated("claim agency is not valid")
    held = texts_of(claims, "roles")
    return Caller(
        subject=text_of(claims, "sub"),
        agency=agency,
        # What else the issuer calls them by is its own text, and would stand in every audit entry.
        roles=held & roles.by_name.keys(),
        facilities=texts_of(claims, "facilities") if "facilities" in claims else frozenset(),
        permissions=roles.permissions_of(held),
        expires_at=datetime.fromtimestamp(expires, UTC),
        token_id=text_of(claims, "jti") if "jti" in claims else token_id,
        event_types=event_types_of(claims["scope"]) if "scope" in claims else None,
    )


def _load_signing_key(path: Path) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    def make() -> bytes:
        return Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    try:
        key = serialization.load_pem_private_key(load_or_create(path, make), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SecretInvalid(f"{path.name} must hold an Ed25519 private key in PEM")
    return key
