"""How deep a body is nested, told from its bytes before it is parsed."""

import re

from shared.http.problems import Invalid

DEEPEST = 16
"""Lists and objects in each other. The deepest that a route takes has six."""

_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""Also one that does not end, and nothing in it is tried twice: whoever sends it chooses what it costs."""
_OPENING_AND_CLOSING = bytes.maketrans(b"{}", b"[]")
_ALL_ELSE = bytes(set(range(256)) - set(b"[]{}"))


class TooDeep(Invalid):
    """The body has more lists and objects within each other than any route takes."""


def refuse_deep(body: bytes) -> None:
    """Raises TooDeep. What is no JSON may pass: the parser says so."""
    if _is_deep(body) and _is_deep(_TEXT.sub(b"", body)):
        raise TooDeep


def _is_deep(body: bytes) -> bool:
    """Takes the innermost pairs away, a level at a time. Brackets within texts make it deeper at most."""
    left = body.translate(_OPENING_AND_CLOSING, _ALL_ELSE)
    for _ in range(DEEPEST):
        if b"[]" not in left:
            return False
        left = left.replace(b"[]", b"")
    return b"[]" in left
