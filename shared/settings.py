"""What a process is told when it starts: one frozen object, made at its door and passed down."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class SettingInvalid(ValueError):
    """A setting is missing or cannot be meant; the message names it and never its value."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds, in any stretch of that length."""

    most: int
    seconds: int


IDENTITY_READS = Rate(60, 600)
"""How many identities one person may ask for: an officer's busy hour, and no caseload."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The embedded profile: everything under one data folder."""

    data: Path
    identity_reads: Rate = IDENTITY_READS

    def database(self, service: str) -> Path:
        """A file per service."""
        return self.data / f"{service}.db"

    @property
    def bus(self) -> Path:
        return self.data / "bus.db"

    @property
    def keys(self) -> Path:
        """Key-encryption key, key stores, secrets, the development issuer: backed up apart from the rest."""
        return self.data / "keys"

    def key_store(self, service: str) -> Path:
        return self.keys / f"{service}.db"

    @property
    def address(self) -> Path:
        """Where a running Pulang says how it is reached."""
        return self.data / "url"

    @property
    def lock(self) -> Path:
        return self.data / "lock"


def from_environment(data: Path | None = None) -> Settings:
    """`PULANG_DATA`, else `./data`. Raises SettingInvalid."""
    return Settings(
        data=(data or Path(os.environ.get("PULANG_DATA", "data"))).absolute(),
        identity_reads=identity_reads_from(Environment()),
    )


@dataclass(frozen=True, slots=True)
class Stores:
    """The distributed profile: a service's two databases, as URLs with their passwords."""

    database: str = field(repr=False)
    key_store: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How Kafka is reached: without a user in the clear; with `ca`, a PEM file, over TLS."""

    bootstrap: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Replica:
    """The distributed profile: what one replica of a service is told."""

    stores: Stores
    kek: str = field(repr=False)
    """Key-encryption key: 32 bytes in base64."""
    root_secret: str = field(repr=False)
    """The root of its other keys: 32 bytes in base64."""
    kafka: KafkaSettings
    issuer: str
    """What stands in `iss`."""
    issuer_url: str
    """Where the issuer is reached from here."""
    identity_reads: Rate = IDENTITY_READS


class Environment:
    """Settings by their names. A secret may be in a file instead: `PULANG_KEK_FILE` for `PULANG_KEK`.

    What is missing is collected, so that `check` tells all of it at once.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables
        self._missing: list[str] = []

    def text(self, name: str) -> str:
        """The value; empty where it is missing, until `check`."""
        value = self._variables.get(name, "").strip()
        if not value:
            self._missing.append(name)
        return value

    def text_or(self, name: str, otherwise: str) -> str:
        return self._variables.get(name, "").strip() or otherwise

    def secret(self, name: str) -> str:
        """Its value, or what stands in the file that `name`_FILE names. Raises SettingInvalid."""
        found = self.secret_or_none(name)
        if found is None:
            self._missing.append(f"{name} (or {name}_FILE)")
        return found or ""

    def secret_or_none(self, name: str) -> str | None:
        """As `secret`, for one that need not be there. Raises SettingInvalid."""
        if path := self._variables.get(f"{name}_FILE"):
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as broken:
                raise SettingInvalid(f"{name}_FILE cannot be read ({type(broken).__name__})") from None
        return self._variables.get(name, "").strip() or None

    def database(self, name: str) -> str:
        """A `postgresql://` URL, with the password of `name`_PASSWORD in it. Raises SettingInvalid."""
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        text, password = self.text(name), self.secret_or_none(f"{name}_PASSWORD")
        if not text:
            return ""
        try:
            url = make_url(text)
        except ArgumentError:
            url = None
        if url is None or url.get_backend_name() != "postgresql" or not url.database:
            raise SettingInvalid(f"{name} must be like postgresql://user@host:5432/name")
        return (url if password is None else url.set(password=password)).render_as_string(hide_password=False)

    def check(self) -> None:
        """Raises SettingInvalid where something was asked for and is not there."""
        if self._missing:
            raise SettingInvalid(f"not set: {', '.join(dict.fromkeys(self._missing))}")


def stores_from(environment: Environment) -> Stores:
    """A service's databases. Raises SettingInvalid."""
    stores = Stores(environment.database("PULANG_DATABASE"), environment.database("PULANG_KEY_STORE"))
    environment.check()
    return stores


def identity_reads_from(environment: Environment) -> Rate:
    """`PULANG_IDENTITY_READS`, such as 60/600: so many in so many seconds. Raises SettingInvalid."""
    said = environment.text_or("PULANG_IDENTITY_READS", "")
    if not said:
        return IDENTITY_READS
    most, _, seconds = said.partition("/")
    if not (most.isdecimal() and seconds.isdecimal() and 0 < int(most) < 1_000_000 and 0 < int(seconds) <= 86_400):
        raise SettingInvalid("PULANG_IDENTITY_READS must be like 60/600: so many in so many seconds, a day at most")
    return Rate(int(most), int(seconds))


def kafka_from(environment: Environment) -> KafkaSettings:
    """How to reach Kafka. Raises SettingInvalid."""
    user = environment.text_or("PULANG_KAFKA_USER", "") or None
    ca = environment.text_or("PULANG_KAFKA_CA", "")
    kafka = KafkaSettings(
        bootstrap=environment.text("PULANG_KAFKA"),
        user=user,
        password=environment.secret("PULANG_KAFKA_PASSWORD") if user else None,
        ca=Path(ca) if ca else None,
    )
    environment.check()
    return kafka


def replica_from(environment: Environment) -> Replica:
    """Everything that `pulang serve` is told. Raises SettingInvalid, with all that is missing."""
    issuer = environment.text("PULANG_OIDC_ISSUER")
    kek, root = environment.secret("PULANG_KEK"), environment.secret("PULANG_ROOT_SECRET")
    database, key_store = environment.database("PULANG_DATABASE"), environment.database("PULANG_KEY_STORE")
    return Replica(
        kafka=kafka_from(environment),
        stores=Stores(database, key_store),
        kek=kek,
        root_secret=root,
        issuer=issuer,
        issuer_url=environment.text_or("PULANG_OIDC_URL", issuer),
        identity_reads=identity_reads_from(environment),
    )


ROLES = Path(__file__).parent / "security" / "roles.json"
"""Roles are data: what each may do."""
