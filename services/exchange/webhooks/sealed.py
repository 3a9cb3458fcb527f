"""Addresses and secrets of webhooks, sealed for their row: a copy of the database alone tells neither."""

from services.exchange.webhooks.signing import Signer, signer_of
from shared.security.sealing import DataKey

ENDPOINTS, SECRETS = "webhook_endpoints", "webhook_secrets"


class Seal:
    """Made of the service's key for webhooks (`shared/security/secrets.py`)."""

    def __init__(self, key: bytes) -> None:
        self._key = DataKey("webhook", key)

    def url(self, endpoint: str, url: str) -> bytes:
        return self._key.seal(url, case=endpoint, table=ENDPOINTS, column="url")

    def open_url(self, endpoint: str, sealed: bytes) -> str:
        """Raises SealBroken."""
        return self._key.open(sealed, case=endpoint, table=ENDPOINTS, column="url")

    def secrets(self, secret_id: str, signer: Signer) -> dict[str, bytes]:
        """The two sealed columns."""
        return {
            "shared": self._key.seal(signer.secret, case=secret_id, table=SECRETS, column="shared"),
            "private": self._key.seal(signer.private_key, case=secret_id, table=SECRETS, column="private"),
        }

    def open_secrets(self, secret_id: str, shared: bytes, private: bytes) -> Signer:
        """Raises SealBroken."""
        return signer_of(
            self._key.open(shared, case=secret_id, table=SECRETS, column="shared"),
            self._key.open(private, case=secret_id, table=SECRETS, column="private"),
        )
