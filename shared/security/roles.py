"""Roles and what each may do: data in a file, read once."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FIELDS = {"title_en", "title_id", "permissions"}


class RolesInvalid(ValueError):
    """The file of roles does not have the form {role: {"title_en", "title_id", "permissions": [...]}}."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role, with its title on screens in English and Indonesian."""

    name: str
    title_en: str
    title_id: str
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Roles:
    """All roles by name."""

    by_name: Mapping[str, Role]

    @classmethod
    def load(cls, path: Path) -> "Roles":
        """The roles in a JSON file. Raises RolesInvalid, OSError."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RolesInvalid(f"{path.name} is no JSON text: {error}") from None
        if not isinstance(content, dict):
            raise RolesInvalid(f"{path.name} is no object of roles")
        return cls({name: _read_role(name, value) for name, value in content.items()})

    def permissions_of(self, names: Iterable[str]) -> frozenset[str]:
        """What a caller with these roles may do.

        A role that is not known here allows nothing, and is no error: other issuers know roles that Pulang doesn't.
        """
        held = (self.by_name[name].permissions for name in names if name in self.by_name)
        return frozenset().union(*held)


def _read_role(name: str, value: object) -> Role:
    if not _NAME.fullmatch(name):
        raise RolesInvalid(f"{name!r} is no name of a role")
    if not isinstance(value, dict) or set(value) != _FIELDS:
        raise RolesInvalid(f"role {name} must have exactly title_en, title_id and permissions")
    english, indonesian = value["title_en"], value["title_id"]
    if not all(isinstance(title, str) and title for title in (english, indonesian)):
        raise RolesInvalid(f"role {name} has no title")
    permissions = value["permissions"]
    if not isinstance(permissions, list) or not all(isinstance(one, str) and one for one in permissions):
        raise RolesInvalid(f"the permissions of role {name} are no list of texts")
    return Role(name, english, indonesian, frozenset(permissions))
