"""Tokens by client credentials: PULANG_CLIENTS names a file with the clients, and where their tokens come from."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulang.client_credentials import ClientCredentials, IssuerRefuses, NoToken
from pulang.complaint import Complaint


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client as the file has it."""

    agency: str
    role: str
    facilities: frozenset[str]
    id: str
    secret: str = field(repr=False)


class Clients:
    """The clients of one file. For one thread; a token is fetched once per client until it is due again."""

    def __init__(self, path: Path) -> None:
        """Raises Complaint, which never shows what stands in the file."""
        self._path = path
        self._token_url, self._clients = _read(path)
        self._held: dict[str, ClientCredentials] = {}

    def token(self, agency: str, role: str, facilities: tuple[str, ...]) -> str:
        """Of the client with this role that names the fewest facilities besides. Raises Complaint."""
        client = self._find(agency, role, facilities)
        held = self._held.setdefault(client.id, ClientCredentials(self._token_url, client.id, client.secret))
        try:
            return held.token()
        except IssuerRefuses as refused:
            raise Complaint(f"{refused}: see {self._path}") from None
        except NoToken as away:
            raise Complaint(str(away)) from None

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
