"""What the claims of a token may be: strict types, and texts that can be written into a log."""

from collections.abc import Mapping
from typing import ClassVar

EVENTS_SCOPE = "events:"
"""A scope that begins so limits its token to the type of event that follows."""


class Unauthenticated(Exception):
    """The bearer token is missing, or is not one that this server accepts."""

    status: ClassVar[int] = 401
    title: ClassVar[str] = "Unauthenticated"

    def __init__(self, reason: str) -> None:
        """`reason`: short and safe to tell and to log; never anything of the token."""
        super().__init__(reason)
        self.reason = reason


def event_types_of(scope: object) -> frozenset[str] | None:
    """The types that scopes such as `events:pulang.stay.checked_in.v1` name; other scopes are not ours (RFC 8693)."""
    if not isinstance(scope, str):
        raise Unauthenticated("claim scope is not valid")
    named = [one.removeprefix(EVENTS_SCOPE) for one in scope.split() if one.startswith(EVENTS_SCOPE)]
    return frozenset(named) if named else None


def time_of(claims: Mapping[str, object], name: str) -> float:
    # RFC 7519 allows fractions of seconds. The bound is the end of 9999; NaN and the infinities fail it too.
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 253_402_300_799:
        raise Unauthenticated(f"claim {name} is not valid")
    return value


def text_of(claims: Mapping[str, object], name: str) -> str:
    return _one_text(claims[name], name)


def texts_of(claims: Mapping[str, object], name: str) -> frozenset[str]:
    values = claims[name]
    if not isinstance(values, list):
        raise Unauthenticated(f"claim {name} is not valid")
    return frozenset(_one_text(value, name) for value in values)


def _one_text(value: object, name: str) -> str:
    # Printable: these texts go into logs and the audit.
    if not isinstance(value, str) or not 0 < len(value) <= 256 or not value.isprintable():
        raise Unauthenticated(f"claim {name} is not valid")
    return value
