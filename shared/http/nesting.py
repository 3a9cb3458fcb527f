"""How much is in a body, and how deep, told from its bytes before it is parsed: a fault of each value is costly."""

import re

from shared.http.problems import Invalid, Unreadable

DEEPEST = 16
"""Lists and objects in each other. The deepest that a route takes has six."""
MOST_VALUES = 100_000
"""A manifest of 2,000 rows has half of that."""

_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""Also one that does not end, and nothing in it is tried twice: whoever sends it chooses what it costs."""
_MOST_TEXTS = 3 * MOST_VALUES
_OPENING_AND_CLOSING = bytes.maketrans(b"{}", b"[]")
_ALL_ELSE = bytes(set(range(256)) - set(b"[]{}"))


class TooDeep(Invalid):
    """The body has more lists and objects within each other than any route takes."""


class TooManyValues(Invalid):
    """The body has more values than any route takes: send it in parts."""


def refuse_overgrown(body: bytes) -> None:
    """Raises TooDeep, TooManyValues, Unreadable. What is no JSON may pass: the parser says so."""
    if b"\0" in body:
        # The parser also takes UTF-16 and UTF-32, in which nothing would be counted here. In UTF-8 no JSON has one.
        raise Unreadable
    if not (_is_deep(body) or _is_much(body)):
        return
    bare, texts = _TEXT.subn(b"", body, _MOST_TEXTS)
    if texts == _MOST_TEXTS or _is_much(bare):
        raise TooManyValues(pointer="#")
    if _is_deep(bare):
        raise TooDeep(pointer="#")


def _is_much(body: bytes) -> bool:
    return body.count(b",") >= MOST_VALUES


def _is_deep(body: bytes) -> bool:
    """Takes the innermost pairs away, a level at a time. Brackets within texts make it deeper at most."""
    left = body.translate(_OPENING_AND_CLOSING, _ALL_ELSE)
    for _ in range(DEEPEST):
        if b"[]" not in left:
            return False
        left = left.replace(b"[]", b"")
    return b"[]" in left
