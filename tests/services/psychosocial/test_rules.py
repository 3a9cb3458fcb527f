"""Psychosocial's decisions, as tables of cases."""

from datetime import date

import pytest

from services.psychosocial.rules import KnownStay, Whereabouts, facility_of_session, whereabouts


def stay(facility: str, begin: int, end: int | None = None) -> KnownStay:
    return KnownStay(facility, date(2026, 11, begin), None if end is None else date(2026, 11, end))


@pytest.mark.parametrize(
    ("stays", "where"),
    [
        ([], None),
        ([stay("A", 3)], Whereabouts("A", True)),
        ([stay("A", 3, 6)], Whereabouts("A", False)),
        ([stay("A", 3, 6), stay("B", 6)], Whereabouts("B", True)),
        ([stay("B", 6), stay("A", 8, 9)], Whereabouts("B", True)),
        ([stay("A", 3, 6), stay("B", 1, 2)], Whereabouts("A", False)),
    ],
)
def test_where_the_person_is_or_was_last(stays: list[KnownStay], where: Whereabouts | None) -> None:
    assert whereabouts(stays) == where
    assert whereabouts(stays[::-1]) == where


@pytest.mark.parametrize(("on", "facility"), [(2, None), (3, "A"), (5, "A"), (6, "B"), (9, "B"), (10, "B"), (20, "B")])
def test_a_session_belongs_to_the_house_that_had_the_person_on_that_day(on: int, facility: str | None) -> None:
    stays = [stay("A", 3, 6), stay("B", 6, 9)]
    assert facility_of_session(stays, date(2026, 11, on)) == facility
    assert facility_of_session(stays[::-1], date(2026, 11, on)) == facility
