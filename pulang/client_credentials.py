"""A token by client credentials (RFC 6749, 4.4), kept until shortly before it ends."""

import time
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_SECONDS = 15.0
RENEWED_BEFORE_SECONDS = 60.0
"""Before its end a token is renewed: requests wait in queues, and clocks differ. Of a short life, a quarter before."""


class NoToken(Exception):
    """The issuer gave none."""


class IssuerAway(NoToken):
    """It did not answer, or with an error of its own: it may be asked again."""


class IssuerRefuses(NoToken):
    """It does not let this client in."""

    def __init__(self, client: str, status: int) -> None:
        super().__init__(f"the issuer refused client {client} ({status})")


@dataclass(slots=True)
class ClientCredentials:
    """One client of an issuer. For one thread.

    A token that is due is fetched by the request that needs it, and whoever else runs on the same event loop waits for
    these few milliseconds: once in minutes.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None
    """What the token is limited to, such as `events:pulang.stay.checked_in.v1`; None for all that the client may."""
    _token: str = field(default="", init=False, repr=False)
    _good_until: float = field(default=0.0, init=False, repr=False)

    def token(self) -> str:
        """One that is good now. Raises IssuerAway, IssuerRefuses."""
        if not self._token or time.monotonic() >= self._good_until:
            self._fetch()
        return self._token

    def forget(self) -> None:
        """The next one is fetched: this one was refused."""
        self._token = ""

    def _fetch(self) -> None:
        import httpx

        began = time.monotonic()
        asked = {"grant_type": "client_credentials"} | ({"scope": self.scope} if self.scope else {})
        try:
            answer = httpx.post(
                self.token_url,
                data=asked,
                auth=(self.client_id, self.client_secret),
                timeout=TIMEOUT_SECONDS,
                trust_env=False,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as broken:
            raise IssuerAway(
                f"no token from {self.token_url} ({type(broken).__name__}): does the issuer run?"
            ) from None
        if answer.status_code in (400, 401, 403):
            raise IssuerRefuses(self.client_id, answer.status_code)
        try:
            content: Any = answer.json() if answer.is_success else None
            token, lifetime = content["access_token"], float(content["expires_in"])
        except (ValueError, TypeError, KeyError):
            token, lifetime = None, 0.0
        if not isinstance(token, str) or not token.isascii():
            raise IssuerAway(f"{self.token_url} answered {answer.status_code} without a token: is it a token endpoint?")
        self._token, self._good_until = token, began + lifetime - min(RENEWED_BEFORE_SECONDS, lifetime / 4)
