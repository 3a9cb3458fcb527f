"""An agency's clients at Keycloak, made and removed by its administrator while it runs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulang.client import refusal, said_plainly
from pulang.complaint import Complaint
from pulang.oidc_clients import OidcClient, client_of, user_of

TIMEOUT_SECONDS = 30.0


class Keycloak:
    """One realm, over its administration's REST."""

    def __init__(self, url: str, user: str, password: str, issuer: str) -> None:
        """`url`: where it is reached; `issuer`: how its users know the realm, such as https://…/realms/pulang."""
        import httpx

        self._url = url.rstrip("/")
        self._realm = issuer.rstrip("/").rsplit("/", 1)[-1]
        self._login = {"grant_type": "password", "client_id": "admin-cli", "username": user, "password": password}
        self._http = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False)
        self.token_url = f"{issuer.rstrip('/')}/protocol/openid-connect/token"

    def __enter__(self) -> "Keycloak":
        """Logged in. Raises Complaint."""
        token = self._ask("POST", f"{self._url}/realms/master/protocol/openid-connect/token", data=self._login)
        self._http.headers["Authorization"] = f"Bearer {token['access_token']}"
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def open_to(self, clients: Sequence[OidcClient], secrets: Mapping[str, str], *, anew: bool) -> Iterator[str]:
        """Makes the clients that are missing, each with its service account; a line for each. Raises Complaint.

        `anew`: the secrets are new ones, also of a client that is there already.
        """
        roles = {role["name"]: role for role in self._of_realm("GET", "roles")}
        for client in clients:
            made = self._find(client) is None
            if made:
                self._of_realm("POST", "clients", json=client_of(client, secrets[client.id]))
            elif anew:
                told = client_of(client, secrets[client.id])
                self._of_realm("PUT", f"clients/{self._find(client)}", json=told)
                yield f"client {client.id}: has another secret"
            # Also of one that was there: an earlier run may have ended between the two.
            account = self._of_realm("GET", f"clients/{self._find(client)}/service-account-user")
            self._of_realm("PUT", f"users/{account['id']}", json=account | {"attributes": user_of(client)})
            if client.role not in roles:
                raise Complaint(f"the realm {self._realm} has no role {client.role}")
            self._of_realm("POST", f"users/{account['id']}/role-mappings/realm", json=[roles[client.role]])
            if made:
                yield f"client {client.id}: created"

    def close_to(self, clients: Sequence[OidcClient]) -> Iterator[str]:
        """Removes them; tokens that they have are good until they expire, minutes later. Raises Complaint."""
        for client in clients:
            if (there := self._find(client)) is not None:
                self._of_realm("DELETE", f"clients/{there}")
                yield f"client {client.id}: removed"

    def _find(self, client: OidcClient) -> str | None:
        found = self._of_realm("GET", "clients", params={"clientId": client.id})
        return str(found[0]["id"]) if found else None

    def _of_realm(self, method: str, path: str, **content: Any) -> Any:
        return self._ask(method, f"{self._url}/admin/realms/{self._realm}/{path}", **content)

    def _ask(self, method: str, url: str, **content: Any) -> Any:
        with said_plainly(self._url):
            answer = self._http.request(method, url, **content)
        if answer.status_code >= 400:
            raise Complaint(refusal(f"{method} {url}", answer.status_code, b""))
        return answer.json() if answer.content else None
