"""Makes the realm from the table of clients: `python -m deploy.keycloak.realm > deploy/keycloak/pulang-realm.json`.

What a token says of its bearer stands in Keycloak as an agency and facilities (attributes of the user, which only an
administrator of the realm may write) and realm roles; one client scope, `pulang`, turns them into the claims that the
services read. So people who sign in later need an account, no new mappers. The file holds no secret: `${...}` is
replaced by Keycloak from the environment, which start.sh fills from the folder of secrets.

For each type of event there is a client scope, `events:<type>`. A client that has one or several as *default* scopes
is sent these types alone: every token of it says so. (As an optional scope it would limit nobody who doesn't ask for
it.)

Signed with Ed25519: the services accept nothing else. Tokens live ten minutes: as long as somebody whose account was
closed can still go on.
"""

import json
import sys
import uuid
from typing import Any

from pulang.oidc_clients import CLIENTS, SERVICE, OidcClient, client_of, user_of
from shared.events.catalogue import TOLD_TO_AGENCIES
from shared.events.exchange import Withheld
from shared.security.claims import EVENTS_SCOPE
from shared.security.roles import Roles
from shared.security.tokens import AUDIENCE
from shared.settings import ROLES

REALM = "pulang"
TOKEN_SECONDS = 600
_SPACE = uuid.UUID("0e4b4f63-6d0b-5d0e-9d0a-3c2f6f7f1d11")


def realm() -> dict[str, Any]:
    """The realm, as Keycloak imports it."""
    roles = Roles.load(ROLES).by_name
    described = {name: role.title_en for name, role in roles.items()} | {SERVICE: "A service itself: may do nothing"}
    return {
        "id": REALM,
        "realm": REALM,
        "enabled": True,
        # Plain HTTP from private addresses only. Production: "all", behind TLS.
        "sslRequired": "external",
        "registrationAllowed": False,
        "editUsernameAllowed": False,
        "bruteForceProtected": True,
        "defaultSignatureAlgorithm": "EdDSA",
        "accessTokenLifespan": TOKEN_SECONDS,
        "roles": {"realm": [{"name": name, "description": title} for name, title in described.items()]},
        "clientScopes": [_basic(), _pulang(), *(_events(kind) for kind in sorted(TOLD_TO_AGENCIES - {Withheld.TYPE}))],
        "scopeMappings": [{"clientScope": "pulang", "roles": list(described)}],
        "defaultDefaultClientScopes": ["basic", "pulang"],
        "clients": [_client(client) for client in CLIENTS],
        "users": [_service_account(client) for client in CLIENTS],
        "components": {
            "org.keycloak.keys.KeyProvider": [
                _key("eddsa-generated", {"priority": ["100"], "eddsaEllipticCurveKey": ["Ed25519"]}),
                # Keycloak's own cookies and one-time codes; no token of ours is signed with them.
                _key("hmac-generated", {"priority": ["100"], "algorithm": ["HS512"]}),
                _key("aes-generated", {"priority": ["100"]}),
            ],
            "org.keycloak.userprofile.UserProfileProvider": [
                {
                    "providerId": "declarative-user-profile",
                    "config": {"kc.user.profile.config": [json.dumps(_profile())]},
                }
            ],
        },
    }


def _client(client: OidcClient) -> dict[str, Any]:
    return client_of(client, f"${{{client.variable}}}")


def _service_account(client: OidcClient) -> dict[str, Any]:
    """With an id of its own, the token's `sub`: a realm that is imported anew keeps the subjects of the audit."""
    return {
        "id": str(uuid.uuid5(_SPACE, client.id)),
        "username": f"service-account-{client.id}",
        "enabled": True,
        "serviceAccountClientId": client.id,
        "attributes": user_of(client),
        "realmRoles": [client.role],
    }


def _basic() -> dict[str, Any]:
    return {
        "name": "basic",
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "false"},
        "protocolMappers": [_mapper("subject", "oidc-sub-mapper", {})],
    }


def _pulang() -> dict[str, Any]:
    attribute = "oidc-usermodel-attribute-mapper"
    return {
        "name": "pulang",
        "description": "What Pulang reads of a caller: audience, agency, roles, facilities",
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "false"},
        "protocolMappers": [
            _mapper("audience", "oidc-audience-mapper", {"included.custom.audience": AUDIENCE}),
            _mapper("agency", attribute, _claim("agency", many=False) | {"user.attribute": "agency"}),
            _mapper("facilities", attribute, _claim("facilities", many=True) | {"user.attribute": "facilities"}),
            _mapper("roles", "oidc-usermodel-realm-role-mapper", _claim("roles", many=True)),
        ],
    }


def _events(kind: str) -> dict[str, Any]:
    """It stands in the claim `scope`, and maps nothing."""
    return {
        "name": EVENTS_SCOPE + kind,
        "description": f"Limits a client to the events {kind}, and to others that it has",
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "true"},
        "protocolMappers": [],
    }


def _claim(name: str, *, many: bool) -> dict[str, str]:
    return {"claim.name": name, "jsonType.label": "String", "multivalued": "true" if many else "false"}


def _mapper(name: str, kind: str, config: dict[str, str]) -> dict[str, Any]:
    """Into access tokens only: an ID token is no key to the services."""
    only_access = {"access.token.claim": "true", "id.token.claim": "false", "introspection.token.claim": "true"}
    return {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": kind,
        "config": config | only_access,
    }


def _key(provider: str, config: dict[str, list[str]]) -> dict[str, Any]:
    return {"name": provider, "providerId": provider, "config": config}


def _profile() -> dict[str, Any]:
    """Which attributes people have. Who could write their own agency could read another's cases."""
    own, administrators = {"view": ["admin", "user"], "edit": ["admin", "user"]}, {"view": ["admin"], "edit": ["admin"]}
    return {
        "attributes": [
            {"name": "username", "permissions": administrators | {"view": ["admin", "user"]}},
            {"name": "email", "permissions": own, "validations": {"email": {}}},
            {"name": "firstName", "permissions": own},
            {"name": "lastName", "permissions": own},
            {"name": "agency", "permissions": administrators},
            {"name": "facilities", "permissions": administrators, "multivalued": True},
        ]
    }


def text() -> str:
    """The file."""
    return json.dumps(realm(), indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
