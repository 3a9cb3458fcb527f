"""`pulang secrets`: what is missing is made, once, for its owner's eyes alone."""

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from shared.security.secret_files import decode_secret
from tests.system.command import pulang

SERVICES = ("intake", "shelter", "aid", "psychosocial", "exchange")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder, and what the command said when it filled it."""
    folder = tmp_path_factory.mktemp("of") / "secrets"
    said = pulang("secrets", folder, "--san", "kafka.example.org:9094", "--san", "127.9.9.9")
    assert said.status == 0, said.err
    return folder, said.out + said.err


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_of_the_distributed_profile_is_there(made: tuple[Path, str]) -> None:
    folder, _ = made
    there = files(folder)
    assert {"postgres/superuser", "kafka/admin", "kafka/ca.pem", "kafka/broker.pem", "oidc/admin"} <= there.keys()
    assert {f"kafka/agencies/{agency}" for agency in ("kemensos", "bp2mi", "iom")} <= there.keys()
    assert "oidc/clients/bp2mi-arrival-officer" in there
    for service in SERVICES:
        for name in ("kek", "root-secret"):
            assert decode_secret(there[f"{service}/{name}"].decode(), name)
        for name in ("database", "keys"):
            assert there[f"postgres/{service}/{name}"] == there[f"{service}/{name}"]
        assert f"{service}/kafka" in there
    assert not any(name.endswith(("kek", "root-secret")) for name in there if name.startswith("postgres/"))
    own = [value for name, value in there.items() if not name.startswith("postgres/") and not name.endswith(".pem")]
    assert len(set(own)) == len(own)


def test_nobody_else_can_read_any_of_it(made: tuple[Path, str]) -> None:
    folder, _ = made
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}


def test_it_says_names_and_never_values(made: tuple[Path, str]) -> None:
    folder, told = made
    assert "made intake/kek" in told
    for value in files(folder).values():
        assert value.decode().strip() not in told


def test_the_brokers_certificate_is_good_for_its_names_under_the_authority(made: tuple[Path, str]) -> None:
    folder, _ = made
    broker = (folder / "kafka" / "broker.pem").read_bytes()
    authority = (folder / "kafka" / "ca.pem").read_bytes()
    assert b"PRIVATE KEY" not in authority
    certificate, chained = x509.load_pem_x509_certificates(broker)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"kafka", "localhost", "kafka.example.org"}
    assert {str(each) for each in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "127.9.9.9"}
    issuer = x509.load_pem_x509_certificate(authority)
    assert chained == issuer
    certificate.verify_directly_issued_by(issuer)
    # It and its key belong together.
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(folder / "kafka" / "broker.pem")


def test_again_it_makes_only_what_is_missing(made: tuple[Path, str]) -> None:
    folder, _ = made
    before = files(folder)
    assert pulang("secrets", folder).out == "nothing was missing\n"
    (folder / "kafka" / "agencies" / "iom").unlink()
    assert pulang("secrets", folder).out == "made kafka/agencies/iom\n"
    after = files(folder)
    assert {name for name in before if before[name] != after[name]} == {"kafka/agencies/iom"}


def test_a_name_that_the_certificate_lacks_is_told_and_a_removed_one_is_made_for_it(made: tuple[Path, str]) -> None:
    folder, _ = made
    authority = (folder / "kafka" / "ca.pem").read_bytes()
    assert "broker.pem is not good for other.example.org" in pulang("secrets", folder, "--san", "other.example.org").out
    (folder / "kafka" / "broker.pem").unlink()
    assert pulang("secrets", folder, "--san", "other.example.org").out == "made kafka/broker.pem\n"
    assert (folder / "kafka" / "ca.pem").read_bytes() == authority


def test_what_is_no_secret_is_told_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert pulang("secrets", folder).status == 0
    (folder / "aid" / "kek").write_text("short\n")
    assert "aid/kek" in pulang("secrets", folder).line
    assert (folder / "aid" / "kek").read_text() == "short\n"
    (folder / "file").write_text("")
    assert "cannot make secrets" in pulang("secrets", folder / "file").line
