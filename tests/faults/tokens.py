"""Tokens for a load: an issuer of this test stands in for Keycloak, which no fault is about and which takes a minute
to start."""

import functools
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import jwt

from tests.shared.security.issuers import Issuer

KEY = "faults"
AGO_SECONDS, AHEAD_SECONDS = 1800, 3 * 3600
"""A token holds whichever way a clock is set."""


class Signed:
    """Tokens of the stand-in."""

    def __init__(self, issuer: Issuer) -> None:
        self.url = issuer.url
        self._key = issuer.add(KEY)
        self._made = functools.cache(self._sign)

    def __call__(self, agency: str, role: str, facilities: Sequence[str] = ()) -> str:
        return self._made(agency, role, tuple(facilities))

    def _sign(self, agency: str, role: str, facilities: tuple[str, ...]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": "pulang",
            "sub": f"{role}@{agency}",
            "agency": agency,
            "roles": [role],
            "facilities": list(facilities),
            "iat": now - AGO_SECONDS,
            "exp": now + AHEAD_SECONDS,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": KEY})


@contextmanager
def signing() -> Iterator[Signed]:
    """An issuer that listens meanwhile."""
    issuer = Issuer()
    try:
        yield Signed(issuer)
    finally:
        issuer.close()
