"""The keys of an OIDC issuer: found by discovery, fetched again and again, dropped once it shows them no more."""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import orjson
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWKSet, PyJWKSetError

from shared.security.tokens import IssuerUnavailable, Unauthenticated
from shared.tasks import why_ended

KEY_TYPES: Mapping[str, type] = {
    "EdDSA": Ed25519PublicKey,
    "ES256": EllipticCurvePublicKey,
    "RS256": RSAPublicKey,
}
"""What may sign. No shared secret: who could check a token could also make one."""
LONGEST_ANSWER_BYTES = 256 * 1024
ANSWERS_WITHIN_SECONDS = 5.0
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger()


class KeyUnknown(Unauthenticated):
    """The token names a key that the issuer did not show."""


class IssuerInvalid(Exception):
    """The issuer answered, and not as an issuer does."""


class Address:
    """An issuer, by its name and where it is reached."""

    def __init__(self, issuer: str, url: str) -> None:
        self.issuer = issuer
        self._outside, self._inside = issuer.rstrip("/"), url.rstrip("/")

    @property
    def discovery(self) -> str:
        return f"{self._inside}/.well-known/openid-configuration"

    def keys(self, named: object) -> str:
        """Where the keys are reached that its discovery document names by the outer address. Raises IssuerInvalid."""
        if not isinstance(named, str):
            raise IssuerInvalid("it does not say where its keys are")
        if named.startswith(f"{self._outside}/"):
            return self._inside + named.removeprefix(self._outside)
        if named.startswith(("https://", f"{self._inside}/")):
            return named
        raise IssuerInvalid("its keys are at an address without TLS")


class IssuerKeys:
    """The keys that an issuer shows now, by `kid`."""

    def __init__(
        self,
        address: Address,
        algorithms: Sequence[str],
        *,
        refresh_seconds: float,
        pause_seconds: float,
        keep_seconds: float,
        removed: Callable[[], None],
    ) -> None:
        """`removed` is called whenever a key is no longer good."""
        self._address = address
        self._algorithms = tuple(algorithms)
        self._refresh_seconds = refresh_seconds
        self._pause_seconds = pause_seconds
        self._keep_seconds = keep_seconds
        self._removed = removed
        self._known: Mapping[str, PyJWK] = {}
        self._asked_at = self._shown_at = float("-inf")
        self._trouble: str | None = "was not asked yet"
        self._http: httpx.AsyncClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[bool] | None = None

    def find(self, key_id: str | None) -> PyJWK:
        """Raises IssuerUnavailable, KeyUnknown. A key that the token itself brings or points to is never looked at."""
        known = self._known
        if not known:
            raise IssuerUnavailable(self.lack() or "")
        if key_id is None or key_id not in known:
            raise KeyUnknown("the token is signed with an unknown key")
        return known[key_id]

    def lack(self) -> str | None:
        return None if self._known else f"issuer {self._address.issuer} {self._trouble}"

    async def look_again(self) -> bool:
        """Ask the issuer now, once for all who wait; False where it was asked just before, or did not answer."""
        if not self._is_asking() and time.monotonic() - self._asked_at < self._pause_seconds:
            return False
        return await asyncio.shield(self._ask())

    async def start(self) -> None:
        # The system's own certificates, and those of SSL_CERT_FILE: an agency's issuer may have a private authority.
        trusted = ssl.create_default_context()
        timeout = httpx.Timeout(ANSWERS_WITHIN_SECONDS)
        self._http = httpx.AsyncClient(verify=trusted, timeout=timeout, trust_env=False, follow_redirects=False)
        self._task = asyncio.create_task(self._refresh(), name="issuer-keys")

    async def stop(self) -> None:
        running = [task for task in (self._task, self._asking) if task is not None]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        if self._http is not None:
            await self._http.aclose()

    def failed(self) -> BaseException | None:
        return why_ended(self._task)

    async def _refresh(self) -> None:
        failures = 0
        while True:
            if await asyncio.shield(self._ask()):
                failures = 0
                await asyncio.sleep(self._refresh_seconds)
            else:
                await asyncio.sleep(min(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)], self._refresh_seconds))
                failures += 1

    def _is_asking(self) -> bool:
        return self._asking is not None and not self._asking.done()

    def _ask(self) -> asyncio.Task[bool]:
        if self._asking is None or self._asking.done():
            self._asked_at = time.monotonic()
            self._asking = asyncio.create_task(self._fetch(), name="issuer-asked")
        return self._asking

    async def _fetch(self) -> bool:
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
                shown = await self._shown()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            self._miss("does not answer")
            return False
        except IssuerInvalid as invalid:
            self._miss(f"cannot be used: {invalid}")
            return False
        self._shown_at, self._trouble = time.monotonic(), None if shown else "shows no key that can be used"
        self._take(shown)
        return True

    def _miss(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("issuer", because=trouble, issuer=self._address.issuer)
        self._trouble = trouble
        if time.monotonic() - self._shown_at >= self._keep_seconds:
            self._take({})

    def _take(self, shown: Mapping[str, PyJWK]) -> None:
        before, self._known = self._known, shown
        gone = [key_id for key_id, key in before.items() if key_id not in shown or shown[key_id].key != key.key]
        if gone or len(before) != len(shown):
            log.info("keys of the issuer", keys=len(shown), removed=len(gone), issuer=self._address.issuer)
        if gone:
            self._removed()

    async def _shown(self) -> Mapping[str, PyJWK]:
        document = await self._read(self._address.discovery)
        if document.get("issuer") != self._address.issuer:
            raise IssuerInvalid("it names itself otherwise")
        entries = (await self._read(self._address.keys(document.get("jwks_uri")))).get("keys")
        if not isinstance(entries, list):
            raise IssuerInvalid("its keys cannot be read")
        try:
            keys = PyJWKSet(entries).keys
        except PyJWKSetError:  # none, or none that the library knows: its others were withdrawn
            keys = []
        except Exception as broken:
            raise IssuerInvalid("its keys cannot be read") from broken
        return {str(key.key_id): key for key in keys if self._signs(key)}

    def _signs(self, key: PyJWK) -> bool:
        """A public key, meant for signatures, of a kind that is pinned; the key is bound to its algorithm then."""
        return (
            isinstance(key.key_id, str)
            and key.public_key_use == "sig"
            and key.algorithm_name in self._algorithms
            and isinstance(key.key, KEY_TYPES[key.algorithm_name])
        )

    async def _read(self, address: str) -> dict[str, Any]:
        assert self._http is not None  # noqa: S101
        content = b""
        # Not compressed: a small answer could hold a large one.
        async with self._http.stream("GET", address, headers={"Accept-Encoding": "identity"}) as answer:
            if answer.status_code != httpx.codes.OK:
                raise IssuerInvalid(f"it answered with {answer.status_code}")
            async for part in answer.aiter_raw():
                content += part
                if len(content) > LONGEST_ANSWER_BYTES:
                    raise IssuerInvalid("its answer is too long")
        try:
            document = orjson.loads(content)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            raise IssuerInvalid("its answer is no JSON object")
        return document
