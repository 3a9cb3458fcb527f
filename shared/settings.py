"""What a process is told when it starts: one frozen object, made in `main.py` and passed down."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """The embedded profile: everything under one data folder."""

    data: Path

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
    """`PULANG_DATA`, else `./data`."""
    return Settings(data=(data or Path(os.environ.get("PULANG_DATA", "data"))).absolute())


ROLES = Path(__file__).parent / "security" / "roles.json"
"""Roles are data: what each may do."""
