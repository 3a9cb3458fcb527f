"""The cluster's Keycloak: each client's token means what the table of clients says, and nothing else counts.

Users reach it through the gateway, its administrator directly.
"""

import asyncio
import base64
import hmac
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.cluster import Cluster
from deploy.keycloak.local import START
from deploy.keycloak.realm import TOKEN_SECONDS, realm
from pulang.credentials import Clients
from pulang.oidc_clients import CLIENTS, SERVICE, OidcClient, clients_file
from shared.security.oidc import OidcVerifier
from shared.security.roles import Roles
from shared.security.tokens import IssuerUnavailable, Unauthenticated
from shared.settings import ROLES


class Keycloak:
    """Where it is, and its secrets."""

    def __init__(self, cluster: Cluster) -> None:
        self.home = cluster.folder / "keycloak"
        self.secrets = cluster.folder / "volumes" / "secrets-oidc"
        self.url = cluster.places.text("http://keycloak:8080")
        self.issuer = f"{cluster.url}/realms/pulang"
        self.token_url = f"{self.issuer}/protocol/openid-connect/token"

    def secret(self, client: str) -> str:
        return (self.secrets / "clients" / client).read_text().strip()


@pytest.fixture(scope="session")
def keycloak(cluster: Cluster) -> Keycloak:
    return Keycloak(cluster)


@asynccontextmanager
async def verifying(keycloak: Keycloak, **how: Any) -> AsyncIterator[OidcVerifier]:
    verifier = OidcVerifier(keycloak.issuer, keycloak.issuer, Roles.load(ROLES), pause_seconds=0.0, **how)
    await verifier.start()
    try:
        async with asyncio.timeout(20):
            while await verifier.healthy() is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        yield verifier
    finally:
        await verifier.stop()


def _token(keycloak: Keycloak, client: str, secret: str | None = None, scope: str | None = None) -> httpx.Response:
    credentials = (client, keycloak.secret(client) if secret is None else secret)
    form = {"grant_type": "client_credentials"} | ({} if scope is None else {"scope": scope})
    return httpx.post(keycloak.token_url, data=form, auth=credentials, trust_env=False, timeout=30)


async def test_each_client_is_who_the_table_says(keycloak: Keycloak, tmp_path: Path) -> None:
    path = tmp_path / "clients.json"
    path.write_text(json.dumps(clients_file(keycloak.token_url, keycloak.secrets / "clients")))
    clients, roles = Clients(path), Roles.load(ROLES)
    subjects = set()
    async with verifying(keycloak) as verifier:
        for client in CLIENTS:
            if client.role == SERVICE:
                token = _token(keycloak, client.id).json()["access_token"]
            else:
                token = clients.token(client.agency, client.role, client.facilities)
            caller = verifier.verify(token)
            # A service's own client has a role without permissions, which is none of ours.
            assert (caller.agency, caller.roles) == (client.agency, {client.role} & roles.by_name.keys())
            assert caller.facilities == set(client.facilities)
            assert caller.permissions == roles.permissions_of([client.role])
            assert bool(caller.permissions) is (client.role != SERVICE)
            subjects.add(caller.subject)
    assert len(subjects) == len(CLIENTS)


async def test_a_token_lives_ten_minutes(keycloak: Keycloak) -> None:
    answer = _token(keycloak, "iom-reader").json()
    assert answer["expires_in"] == TOKEN_SECONDS == 600
    later = datetime.now(UTC) + timedelta(seconds=TOKEN_SECONDS + 31)
    async with verifying(keycloak, now=lambda: later) as verifier:
        with pytest.raises(Unauthenticated, match="expired"):
            await verifier.admit(answer["access_token"])


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.id)
def test_a_secret_is_not_what_stands_in_the_realm_file(keycloak: Keycloak, client: OidcClient) -> None:
    for secret in (f"${{{client.variable}}}", client.variable, "", client.id):
        assert _token(keycloak, client.id, secret).status_code == 401


async def test_a_token_of_another_realm_is_refused(keycloak: Keycloak) -> None:
    async with verifying(keycloak) as verifier:
        with pytest.raises(Unauthenticated):
            await verifier.admit(_administrator(keycloak))


async def test_keys_are_exchanged_while_it_runs(keycloak: Keycloak) -> None:
    """As an administrator does it: a new key signs at once, the old one goes, and what it signed is refused."""
    components = f"{keycloak.url}/admin/realms/pulang/components"
    headers = {"Authorization": f"Bearer {_administrator(keycloak)}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as administrator:
        keys = {"type": "org.keycloak.keys.KeyProvider"}
        shown = (await administrator.get(components, params=keys)).json()
        before = [one for one in shown if "eddsa" in one["providerId"]]
        async with verifying(keycloak, refresh_seconds=0.1) as verifier:
            old = _token(keycloak, "iom-reader").json()["access_token"]
            assert verifier.verify(old).agency == "iom"
            new_key = {"name": "next", "providerId": "eddsa-generated", "providerType": keys["type"]}
            config = {"priority": ["200"], "eddsaEllipticCurveKey": ["Ed25519"]}
            (await administrator.post(components, json=new_key | {"config": config})).raise_for_status()
            new = _token(keycloak, "iom-reader").json()["access_token"]
            assert jwt.get_unverified_header(new)["kid"] != jwt.get_unverified_header(old)["kid"]
            assert (await verifier.admit(new)).agency == "iom"
            assert verifier.verify(old).agency == "iom"
            for one in before:
                (await administrator.delete(f"{components}/{one['id']}")).raise_for_status()
            async with asyncio.timeout(20):
                while await _accepted(verifier, old):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert verifier.verify(new).agency == "iom"


async def test_a_client_of_one_type_of_events(keycloak: Keycloak) -> None:
    """Made by an administrator beside those of the table: what it asks for changes nothing of what it gets."""
    kind, name = "pulang.stay.checked_in.v1", "iom-checked-in"
    users, clients = (f"{keycloak.url}/admin/realms/pulang/{what}" for what in ("users", "clients"))
    made = next(one for one in realm()["clients"] if one["clientId"] == "iom-integrator")
    scopes = [*made["defaultClientScopes"], f"events:{kind}"]
    limited = made | {"clientId": name, "secret": "of-this-test", "defaultClientScopes": scopes}
    account, roles = f"service-account-{name}", f"{keycloak.url}/admin/realms/pulang/roles/integrator"
    headers = {"Authorization": f"Bearer {_administrator(keycloak)}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as administrator:
        (await administrator.post(clients, json=limited)).raise_for_status()
        (user,) = (await administrator.get(users, params={"username": account, "exact": True})).json()
        changed = user | {"attributes": {"agency": ["iom"]}}
        (await administrator.put(f"{users}/{user['id']}", json=changed)).raise_for_status()
        role = (await administrator.get(roles)).raise_for_status().json()
        granted = f"{users}/{user['id']}/role-mappings/realm"
        (await administrator.post(granted, json=[role])).raise_for_status()
    async with verifying(keycloak) as verifier:
        free = await verifier.admit(_token(keycloak, "iom-integrator").json()["access_token"])
        assert free.event_types is None
        for asked in (None, "openid", "basic"):
            token = _token(keycloak, name, "of-this-test", asked)
            if token.status_code == 400:  # a scope that it does not have
                assert token.json()["error"] == "invalid_scope"
                continue
            caller = await verifier.admit(token.json()["access_token"])
            assert caller.event_types == {kind}, asked
            assert (caller.agency, caller.permissions) == (free.agency, free.permissions)
        assert _token(keycloak, name, "of-this-test", "events:pulang.case.registered.v1").status_code == 400


async def test_forged_from_a_real_token(keycloak: Keycloak) -> None:
    """What whoever holds a good token could try: another header, other claims, the issuer's public key as a secret."""
    good = _token(keycloak, "iom-reader").json()["access_token"]
    header, payload, signature = good.split(".")
    shown = _keys(keycloak)
    (public,) = (key for key in shown if key["kid"] == jwt.get_unverified_header(good)["kid"])
    assert public["alg"] == "EdDSA"  # beside it Keycloak may show keys of its own, of other algorithms
    claims = jwt.decode(good, options={"verify_signature": False})
    assert "pulang" in ([claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"])
    unsigned = f"{_part({'alg': 'none', 'typ': 'JWT'})}.{payload}."
    promoted = f"{header}.{_part(claims | {'roles': ['administrator']})}.{signature}"
    swapped = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': public['kid']})}.{payload}"
    raw = base64.urlsafe_b64decode(public["x"] + "==")
    mac = base64.urlsafe_b64encode(hmac.digest(raw, swapped.encode(), "sha256")).decode().rstrip("=")
    own = Ed25519PrivateKey.generate()
    brought = {"kid": public["kid"], "jwk": jwt.algorithms.OKPAlgorithm.to_jwk(own.public_key(), as_dict=True)}
    async with verifying(keycloak) as verifier:
        assert (await verifier.admit(good)).agency == "iom"
        for forged in (unsigned, promoted, f"{swapped}.{mac}", jwt.encode(claims, own, "EdDSA", brought)):
            with pytest.raises(Unauthenticated, match=r"signature|unknown key"):
                await verifier.admit(forged)
    other = OidcVerifier(keycloak.issuer, keycloak.issuer, Roles.load(ROLES))
    with pytest.raises(IssuerUnavailable):  # and of whom no key was ever asked for, nothing is believed
        await other.admit(good)


def _keys(keycloak: Keycloak) -> list[dict[str, Any]]:
    answer = httpx.get(f"{keycloak.issuer}/protocol/openid-connect/certs", trust_env=False, timeout=30)
    keys: list[dict[str, Any]] = answer.json()["keys"]
    return keys


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def _accepted(verifier: OidcVerifier, token: str) -> bool:
    try:
        await verifier.admit(token)
    except Unauthenticated:
        return False
    return True


def test_without_a_secret_for_each_client_it_does_not_start(keycloak: Keycloak, tmp_path: Path) -> None:
    (tmp_path / "clients").mkdir()
    (tmp_path / "admin").write_text("x")
    for client in CLIENTS[1:]:
        (tmp_path / "clients" / client.id).write_text("x")
    done = subprocess.run(
        [START, tmp_path],
        env={"KEYCLOAK_HOME": str(keycloak.home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert CLIENTS[0].variable in done.stderr


def _administrator(keycloak: Keycloak) -> str:
    form = {
        "grant_type": "password",
        "client_id": "admin-cli",
        "username": "admin",
        "password": (keycloak.secrets / "admin").read_text().strip(),
    }
    url = f"{keycloak.url}/realms/master/protocol/openid-connect/token"
    answer = httpx.post(url, data=form, trust_env=False, timeout=30).raise_for_status()
    return str(answer.json()["access_token"])
