"""Tokens of an OIDC issuer. Its keys are fetched beside the requests, which never wait for the network.

The one exception is a token whose key is not known: its request waits until the issuer was asked again, for an issuer
that changes its key signs with it at once. Whoever makes up key ids gets the issuer asked once in five seconds.
"""

import ipaddress
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from shared.security.issuer_keys import KEY_TYPES, Address, IssuerKeys, KeyUnknown
from shared.security.roles import Roles
from shared.security.tokens import Caller, JwtVerifier
from shared.settings import SettingInvalid


class OidcVerifier:
    """Verifies the tokens of one issuer. `verify` may be called from any thread, all else from one event loop."""

    def __init__(
        self,
        issuer: str,
        url: str,
        roles: Roles,
        *,
        algorithms: Sequence[str] = ("EdDSA",),
        refresh_seconds: float = 300.0,
        pause_seconds: float = 5.0,
        keep_seconds: float = 3600.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`issuer`: what stands in `iss`; `url`: where it is reached, the same unless it has another name inside.

        Its keys are fetched every `refresh_seconds`, for unknown ones at most once in `pause_seconds`, and are good
        for `keep_seconds` where it no longer answers: so long that a token issued before has expired by then.
        Raises SettingInvalid for an issuer over plain HTTP, unless it is on this machine or has a `url` of its own.
        """
        if any(name not in KEY_TYPES for name in algorithms):
            raise SettingInvalid(f"tokens can be signed by {', '.join(KEY_TYPES)}")
        self._keys = IssuerKeys(
            _address(issuer, url),
            algorithms,
            refresh_seconds=refresh_seconds,
            pause_seconds=pause_seconds,
            keep_seconds=keep_seconds,
            removed=lambda: self._tokens.forget(),
        )
        self._tokens = JwtVerifier(key_of=self._keys.find, algorithms=algorithms, issuer=issuer, roles=roles, now=now)

    def verify(self, token: str) -> Caller:
        """See Verifier. Raises IssuerUnavailable while no keys are known."""
        return self._tokens.verify(token)

    async def admit(self, token: str) -> Caller:
        """See Verifier. Raises IssuerUnavailable while no keys are known."""
        try:
            return self._tokens.verify(token)
        except KeyUnknown:
            if not await self._keys.look_again():
                raise
        return self._tokens.verify(token)

    async def start(self) -> None:
        """Returns at once, whether the issuer answers or not."""
        await self._keys.start()

    async def stop(self) -> None:
        """May be called twice, and without a start."""
        await self._keys.stop()

    def failed(self) -> BaseException | None:
        """Why the refreshing ended by itself, if it did."""
        return self._keys.failed()

    async def healthy(self) -> str | None:
        """What is missing, or None. An issuer that is away is missed only when its keys are, too."""
        return self._keys.lack()


def _address(issuer: str, url: str) -> Address:
    for name, text in (("PULANG_OIDC_ISSUER", issuer), ("PULANG_OIDC_URL", url)):
        if not _is_address(text):
            raise SettingInvalid(f"{name} must be an address that begins with https://")
    where = urlsplit(issuer)
    if issuer.rstrip("/") == url.rstrip("/") and where.scheme == "http" and not _on_this_machine(where.hostname or ""):
        raise SettingInvalid("PULANG_OIDC_ISSUER must begin with https://, or PULANG_OIDC_URL say how it is reached")
    return Address(issuer, url)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        named = parts.hostname and (parts.port or 1)
    except ValueError:
        return False
    return bool(named) and parts.scheme in ("http", "https") and not (parts.username or parts.query or parts.fragment)


def _on_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
