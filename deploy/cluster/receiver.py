"""Where a receiver of webhooks on this machine may listen: an address and a certificate that this cluster trusts.

Webhooks go to public addresses, with https, and nowhere else. Whoever tries them out beside a cluster has neither a
public address nor a certificate for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pulang.certificates import lacking_names, new_authority, new_server
from pulang.private_files import write_private

_PORT = 8443


@dataclass(frozen=True, slots=True)
class Receiver:
    """`certificate`: a PEM of its key and chain. `authority`: a PEM of the certificate that it can be known by."""

    address: str
    certificate: Path
    authority: Path

    @classmethod
    def at(cls, block: int, folder: Path) -> "Receiver":
        """Of the cluster in `folder`, whose files are made where they are missing; the authority's key is kept
        nowhere."""
        place = folder / "receiver"
        place.mkdir(mode=0o700, exist_ok=True)
        one = cls(f"127.{block}.0.1", place / "receiver.pem", place / "ca.pem")
        if not one._stands():
            authority = new_authority()
            certificate = x509.load_pem_x509_certificate(authority).public_bytes(Encoding.PEM)
            write_private(one.authority, certificate.decode())
            write_private(one.certificate, new_server(authority, [one.address], "receiver").decode())
        return one

    @property
    def url(self) -> str:
        return f"https://{self.address}:{_PORT}/pulang"

    @property
    def allowed(self) -> Mapping[str, str]:
        """What exchange is told, so that its webhooks reach this one address besides public ones."""
        return {"PULANG_WEBHOOK_ALLOW": f"{self.address}/32", "PULANG_WEBHOOK_CA": str(self.authority)}

    def _stands(self) -> bool:
        if not (self.authority.exists() and self.certificate.exists()):
            return False
        return not lacking_names(self.certificate.read_bytes(), [self.address])
