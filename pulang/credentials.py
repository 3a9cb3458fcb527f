"""Tokens by client credentials: PULANG_CLIENTS names a file with the clients, and where their tokens come from."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulang.complaint import Complaint

TIMEOUT_SECONDS = 15.0
RENEWED_BEFORE_SECONDS = 60.0
"""Before its end a token is renewed: requests wait in queues, and clocks differ. Of a short life, a quarter before."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client as the file has it."""

    agency: str
    role: str
    facilities: frozenset[str]
    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Held:
    token: str
    good_until: float
    """Monotonic."""


class Clients:
    """The clients of one file. For one thread.

    A token that is due is fetched by the request that needs it, and whoever else runs on the same event loop waits for
    these few milliseconds: once in minutes per client, and never twice for the same one.
    """

    def __init__(self, path: Path) -> None:
        """Raises Complaint, which never shows what stands in the file."""
        self._path = path
        self._token_url, self._clients = _read(path)
        self._held: dict[str, _Held] = {}

    def token(self, agency: str, role: str, facilities: tuple[str, ...]) -> str:
        """Of the client with this role that names the fewest facilities besides. Raises Complaint."""
        client = self._find(agency, role, facilities)
        held = self._held.get(client.id)
        if held is None or time.monotonic() >= held.good_until:
            held = self._held[client.id] = self._fetch(client)
        return held.token

    def _find(self, agency: str, role: str, facilities: tuple[str, ...]) -> Credentials:
        able = [
            client
            for client in self._clients
            if client.agency == agency and client.role == role and client.facilities.issuperset(facilities)
        ]
        if not able:
            at = f" at {', '.join(facilities)}" if facilities else ""
            raise Complaint(f"PULANG_CLIENTS: {self._path} has no client for role {role} of agency {agency}{at}")
        return min(able, key=lambda client: len(client.facilities))

    def _fetch(self, client: Credentials) -> _Held:
        import httpx

        began = time.monotonic()
        try:
            answer = httpx.post(
                self._token_url,
                data={"grant_type": "client_credentials"},
                auth=(client.id, client.secret),
                timeout=TIMEOUT_SECONDS,
                trust_env=False,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as broken:
            raise Complaint(
                f"no token from {self._token_url} ({type(broken).__name__}): does the issuer run?"
            ) from None
        if answer.status_code in (400, 401, 403):
            raise Complaint(f"the issuer refused client {client.id} ({answer.status_code}): see {self._path}")
        try:
            content: Any = answer.json() if answer.is_success else None
            token, lifetime = content["access_token"], float(content["expires_in"])
        except (ValueError, TypeError, KeyError):
            token, lifetime = None, 0.0
        if not isinstance(token, str) or not token.isascii():
            raise Complaint(f"{self._token_url} answered {answer.status_code} without a token: is it a token endpoint?")
        return _Held(token, began + lifetime - min(RENEWED_BEFORE_SECONDS, lifetime / 4))


def _read(path: Path) -> tuple[str, list[Credentials]]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as broken:
        raise Complaint(f"PULANG_CLIENTS: cannot read {path} ({broken.strerror})") from None
    except ValueError:
        raise Complaint(f"PULANG_CLIENTS: {path} is no JSON") from None
    try:
        token_url = content["token_url"]
        clients = [
            Credentials(one["agency"], one["role"], frozenset(one.get("facilities", ())), one["id"], one["secret"])
            for one in content["clients"]
        ]
        texts = [token_url, *(text for one in clients for text in (one.agency, one.role, one.id, one.secret))]
    except (KeyError, TypeError, AttributeError):
        texts = [None]
    if not all(isinstance(text, str) and text for text in texts):
        raise Complaint(f'PULANG_CLIENTS: {path} must hold "token_url" and "clients" with agency, role, id and secret')
    if not token_url.startswith(("http://", "https://")):
        raise Complaint(f"PULANG_CLIENTS: token_url of {path} is no address: it begins with http:// or https://")
    return token_url, clients
