"""Whose records a caller may see: all, those of places that their agency runs, or those of the places in the token."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, false, or_, true
from sqlalchemy.orm import Mapped

from shared.security.tokens import Caller

ALL = "scope.all"
AGENCY = "scope.agency"

PlaceColumn = Mapped[str] | Mapped[str | None]


def within(
    caller: Caller, *, places: Iterable[PlaceColumn] = (), agencies: Iterable[PlaceColumn] = ()
) -> ColumnElement[bool]:
    """Rows in the caller's scope: `places` are the columns that name a place, `agencies` those that name who runs it.

    A caller whose scope is a place sees rows of that place alone; one without any place or wider scope sees nothing.
    """
    if ALL in caller.permissions:
        return true()
    conditions: list[ColumnElement[bool]] = [
        column.in_(sorted(caller.facilities)) for column in places if caller.facilities
    ]
    if AGENCY in caller.permissions:
        conditions += [column == caller.agency for column in agencies]
    return or_(*conditions) if conditions else false()


def reaches(caller: Caller, place: str, agency: str) -> bool:
    """Whether a place, run by `agency`, is in the caller's scope."""
    return (
        ALL in caller.permissions
        or place in caller.facilities
        or (AGENCY in caller.permissions and agency == caller.agency)
    )
