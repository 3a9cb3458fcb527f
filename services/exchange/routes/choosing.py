"""What the ways out have in common: a cursor into the agency's log, and a choice of what is wanted of it."""

from typing import Annotated

from fastapi import Query

from services.exchange.problems import CursorOfAnother
from services.exchange.queries import Choice
from shared.http.pages import from_cursor, to_cursor
from shared.security.tokens import Caller

CURSOR_KIND = "feed"
TYPE = r"pulang(\.[a-z][a-z_]{0,30}){1,2}\.v[1-9][0-9]?"

Types = Annotated[
    str | None,
    Query(
        max_length=2000,
        pattern=rf"^{TYPE}(,{TYPE})*$",
        description="Only these types, with commas between; what asks to delete comes all the same. "
        "Versions then have gaps.",
        examples=["pulang.stay.checked_in.v1,pulang.stay.checked_out.v1"],
    ),
]
Subject = Annotated[
    str | None,
    Query(max_length=64, pattern=r"^[A-Za-z0-9._:-]{1,64}$", description="Only events of this case, place or goods."),
]


def choice_of(caller: Caller, types: str | None, subject: str | None) -> Choice:
    """What was asked for, within what the token is limited to."""
    wanted = None if types is None else frozenset(types.split(","))
    if caller.event_types is not None:
        wanted = caller.event_types if wanted is None else wanted & caller.event_types
    return Choice(wanted, subject)


def position_of(key: bytes, agency: str, cursor: str | None, pointer: str = "query.after") -> int:
    """Where the cursor stands in the agency's log. Raises CursorUnknown, CursorOfAnother."""
    if cursor is None:
        return 0
    kind, owner, position = from_cursor(key, cursor, str, str, int)
    if (kind, owner) != (CURSOR_KIND, agency):
        raise CursorOfAnother(pointer=pointer)
    return int(position)


def cursor_at(key: bytes, agency: str, position: int) -> str:
    """The name of a place in an agency's log."""
    return to_cursor(key, CURSOR_KIND, agency, position)
