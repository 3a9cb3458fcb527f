"""`pulang secrets DIR`: every secret of the distributed profile, made where it is missing, a folder per reader.

A folder is what a container gets: nobody sees more than its own. PostgreSQL has copies of the passwords that it keeps,
so that it never holds a key-encryption key beside the data.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pulang.certificates import lacking_names, new_authority, new_server
from pulang.complaint import Complaint
from pulang.oidc_clients import AGENCIES, CLIENTS
from pulang.services import SERVICES
from shared.security.secret_files import SecretInvalid, load_or_create, load_or_create_secret

BROKER_NAMES = ("kafka", "localhost", "127.0.0.1")
"""Under which the broker's certificate is good for agencies, whatever else it is called."""
_PASSWORD_BYTES = 32


def make_secrets(folder: Path, names: Sequence[str]) -> None:
    """Print what was made, by its name and never its value. `names`: how else the broker is called, with a port or not.

    Raises Complaint.
    """
    names = [_host(name) for name in names]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = [path.relative_to(folder).as_posix() for path in _made(folder, (*BROKER_NAMES, *names))]
        lacking = lacking_names((folder / "kafka" / "broker.pem").read_bytes(), names)
    except OSError as broken:
        raise Complaint(f"cannot make secrets in {folder} ({broken.strerror}): is it ours to write?") from None
    except SecretInvalid as invalid:
        raise Complaint(f"{folder} holds a secret that is none ({invalid}): put it right, or remove it") from None
    except ValueError:
        raise Complaint(f"a certificate or a key in {folder} cannot be read: put it right, or remove it") from None
    print("\n".join(f"made {name}" for name in made) if made else "nothing was missing")
    if lacking:
        print(
            f"kafka/broker.pem is not good for {', '.join(lacking)}: remove it, and it is made anew; its CA stays",
            flush=True,
        )


def _made(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    for path, make in _wanted(folder, names):
        missing = not path.exists()
        if missing:
            path.parent.mkdir(mode=0o700, exist_ok=True)
        if missing or make is load_or_create_secret:
            try:
                make(path)
            except SecretInvalid as invalid:
                raise SecretInvalid(f"{path.parent.name}/{invalid}") from None
        if missing:
            yield path


def _wanted(folder: Path, names: Sequence[str]) -> Iterator[tuple[Path, Callable[[Path], object]]]:
    """In the order in which one needs the other."""
    yield folder / "postgres" / "superuser", _password
    for service in SERVICES:
        own, theirs = folder / service, folder / "postgres" / service
        yield own / "kek", load_or_create_secret
        yield own / "root-secret", load_or_create_secret
        for name in ("kafka", "database", "keys"):
            yield own / name, _password
        for name in ("database", "keys"):
            yield theirs / name, _copy_of(own / name)
    yield folder / "oidc" / "admin", _password
    for client in CLIENTS:
        yield folder / "oidc" / "clients" / client.id, _password
    kafka, authority = folder / "kafka", folder / "authority" / "ca.pem"
    yield kafka / "admin", _password
    for agency in AGENCIES:
        yield kafka / "agencies" / agency, _password
    yield authority, lambda path: load_or_create(path, new_authority)
    yield kafka / "ca.pem", lambda path: load_or_create(path, lambda: _certificate_of(authority.read_bytes()))
    yield kafka / "broker.pem", lambda path: load_or_create(path, lambda: new_server(authority.read_bytes(), names))


def _host(address: str) -> str:
    host, colon, port = address.rpartition(":")
    return host if colon and port.isdecimal() and ":" not in host else address


def _password(path: Path) -> None:
    load_or_create(path, lambda: secrets.token_urlsafe(_PASSWORD_BYTES).encode() + b"\n")


def _copy_of(original: Path) -> Callable[[Path], object]:
    return lambda path: load_or_create(path, original.read_bytes)


def _certificate_of(pem: bytes) -> bytes:
    """Without the key before it."""
    return pem[pem.index(b"-----BEGIN CERTIFICATE-----") :]
