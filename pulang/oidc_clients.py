"""Who calls with tokens of the OIDC issuer: one table, from which the realm, its secrets and PULANG_CLIENTS are made.

Staff of the example season's places, a reader and an integrator per agency, and one client per service. People who
sign in by themselves come with the console.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulang.client import OPERATOR
from pulang.complaint import Complaint
from pulang.services import SERVICES

POSTS = ("CGK", "TNJ", "BTM", "ENT", "NNK")
SHELTERS = ("RPTC-BAMBU-APUS", "RPTC-TANJUNG-PINANG", "POS-PONTIANAK", "BALAI-MULYA-JAYA")
AGENCIES = ("kemensos", "bp2mi", "iom")
SERVICE = "service"
"""The role of the services themselves. It permits nothing: they talk to each other by events alone."""


@dataclass(frozen=True, slots=True)
class OidcClient:
    """A confidential client with a service account: somebody of `agency` with `role`, at these facilities."""

    id: str
    agency: str
    role: str
    facilities: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The name under which the realm file asks for its secret."""
        return "PULANG_CLIENT_" + self.id.replace("-", "_").upper()


def _staff(agency: str, role: str, facilities: Sequence[str] = ()) -> OidcClient:
    return OidcClient(f"{agency}-{role.replace('_', '-')}", agency, role, tuple(facilities))


def clients_of_agency(agency: str) -> tuple[OidcClient, ...]:
    """What every agency has: a reader for its people, an integrator for its systems."""
    return tuple(_staff(agency, role) for role in ("reader", "integrator"))


def client_of(client: OidcClient, secret: str) -> dict[str, Any]:
    """As Keycloak takes it."""
    return {
        "clientId": client.id,
        "secret": secret,
        "publicClient": False,
        "clientAuthenticatorType": "client-secret",
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "fullScopeAllowed": False,
        "defaultClientScopes": ["basic", "pulang"],
        "optionalClientScopes": [],
    }


def user_of(client: OidcClient) -> dict[str, list[str]]:
    """Attributes of its service account, from which its tokens' claims are made."""
    facilities = {"facilities": list(client.facilities)} if client.facilities else {}
    return {"agency": [client.agency]} | facilities


CLIENTS: tuple[OidcClient, ...] = (
    _staff(OPERATOR, "administrator"),
    _staff(OPERATOR, "auditor"),
    _staff("bp2mi", "arrival_officer", POSTS),
    _staff("bp2mi", "supervisor"),
    _staff("kemensos", "shelter_staff", SHELTERS),
    _staff("kemensos", "aid_officer", SHELTERS),
    _staff("kemensos", "counsellor", SHELTERS),
    _staff("kemensos", "supervisor"),
    *(client for agency in AGENCIES for client in clients_of_agency(agency)),
    *(OidcClient(f"service-{service}", OPERATOR, SERVICE) for service in SERVICES),
)


def clients_file(token_url: str, secrets: Path) -> dict[str, Any]:
    """What PULANG_CLIENTS names, with the secrets of the folder `oidc/clients`. Raises Complaint.

    The services' own are left out. To be written with mode 0600.
    """
    return {
        "token_url": token_url,
        "clients": [
            {
                "agency": client.agency,
                "role": client.role,
                "facilities": list(client.facilities),
                "id": client.id,
                "secret": _secret(secrets / client.id),
            }
            for client in CLIENTS
            if client.role != SERVICE
        ],
    }


def _secret(path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        secret = ""
    if not secret:
        raise Complaint(f"there is no secret of a client in {path}: see `pulang secrets`")
    return secret
