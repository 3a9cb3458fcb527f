"""The words in which the matrix is written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.access.prepared import Caller, Side


@dataclass(frozen=True, slots=True)
class Any_:
    """The parameter may name anybody's, on purpose."""

    why: str


EMPTY = "empty"
"""A filter: it is answered with 200 and nothing, as one that names nothing."""
NEW = "new"
"""The client's own id for what it makes: one that stands for something else is refused or answered by what is the
caller's own, and changes nothing of the other."""

Other = int | str | Any_
"""What somebody is answered who names another's object: a status (the very answer of one that does not exist), EMPTY,
NEW, or why everybody may."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    headers: Mapping[str, str]


def ask(body: Any = None, query: Mapping[str, str] | None = None, match: bool = False, **path: str) -> Ask:
    """A request; `match`: with an If-Match that always holds."""
    return Ask(path, query or {}, body, {"If-Match": "*"} if match else {})


Reach = Callable[["Caller", "Side"], bool | int]
"""Whether what belongs to a side is in the caller's reach; or the status, where that is another than the row says."""


@dataclass(frozen=True, slots=True)
class Row:
    """Who may use a route, with a request that is good at a side, and what names another's."""

    may: frozenset[str]
    ask: Callable[["Side"], Ask]
    others: Mapping[str, Other]
    good: tuple[int, ...] = (200, 201, 202)
    """What a good request is answered."""
    reach: Reach | None = None
    """Where it is not the usual scope."""
    judged_apart: frozenset[str] = field(default=frozenset())
    """Parts of the body that are maps, or whose members are judged one by one (see test_manifest_rows_...)."""
    endless: bool = False
    """Its good answer goes on for ever, and has tests of its own."""


def row(
    may: str,
    ask: Callable[["Side"], Ask],
    others: Mapping[str, Other] | None = None,
    *,
    good: tuple[int, ...] = (200, 201, 202),
    reach: Reach | None = None,
    judged_apart: str = "",
    endless: bool = False,
) -> Row:
    """`may`: the roles, with blanks between them."""
    return Row(frozenset(may.split()), ask, others or {}, good, reach, frozenset(judged_apart.split()), endless)
