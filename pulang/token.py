"""`pulang token`."""

from pathlib import Path

from pulang.client import Tokens
from pulang.complaint import Complaint
from shared.security.roles import Roles
from shared.settings import ROLES, from_environment


def print_token(data: Path | None, agency: str, role: str, facilities: list[str]) -> None:
    """A development token on standard output. Raises Complaint."""
    known = Roles.load(ROLES).by_name
    if role not in known:
        raise Complaint(f"there is no role {role!r}: choose one of {' '.join(known)}")
    print(Tokens(from_environment(data).data).issue(agency, role, *facilities))
