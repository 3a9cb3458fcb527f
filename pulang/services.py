"""The services by name, for commands that import none of them."""

from pulang.complaint import Complaint

SERVICES = ("intake", "shelter", "aid", "psychosocial", "exchange")
"""In the order in which they start."""


def must_be_a_service(name: str) -> None:
    """Raises Complaint for a name that is none."""
    if name not in SERVICES:
        raise Complaint(f"there is no service {name!r}: choose one of {', '.join(SERVICES)}")
