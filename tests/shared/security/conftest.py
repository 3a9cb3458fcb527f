"""One issuer and its verifier, as a data folder gives them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared.security.roles import Role, Roles
from shared.security.tokens import DevelopmentIssuer

READER = Role("reader", "Reader", "Pembaca", frozenset({"feed.read"}))
OFFICER = Role("aid_officer", "Aid officer", "Petugas bantuan", frozenset({"kit.issue", "feed.read"}))


@pytest.fixture(scope="session")
def roles() -> Roles:
    return Roles({role.name: role for role in (READER, OFFICER)})


@pytest.fixture(scope="session")
def issuer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("issuer")


@pytest.fixture(scope="session")
def issuer(issuer_folder: Path) -> DevelopmentIssuer:
    return DevelopmentIssuer(issuer_folder)


@pytest.fixture(scope="session")
def signing_key(issuer: DevelopmentIssuer, issuer_folder: Path) -> Any:
    return load_pem_private_key((issuer_folder / "development-issuer.pem").read_bytes(), password=None)


@pytest.fixture(scope="session")
def signed(signing_key: Any) -> Callable[..., str]:
    """Signs whatever claims with the issuer's own key: what only the verifier's checks can refuse."""

    def sign(claims: dict[str, Any], headers: dict[str, Any] | None = None) -> str:
        return jwt.encode(claims, signing_key, algorithm="EdDSA", headers=headers)

    return sign
