"""Psychosocial's decisions: pure functions of what is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class KnownStay:
    """A stay as it was told; half open, as local dates. No end: the person is there."""

    facility: str
    from_date: date
    until_date: date | None


class Whereabouts(NamedTuple):
    """Where the person is (`in_house`), or was last."""

    facility: str
    in_house: bool


def whereabouts(stays: Sequence[KnownStay]) -> Whereabouts | None:
    """From all stays, in whichever order they were told: an open one before any that ended, then the latest."""
    if not stays:
        return None
    last = max(stays, key=lambda stay: (stay.until_date is None, stay.from_date, stay.until_date or date.max))
    return Whereabouts(last.facility, last.until_date is None)


def facility_of_session(stays: Sequence[KnownStay], on: date) -> str | None:
    """Of these stays (those in the caller's scope) the facility that a session on that day belongs to.

    The one that had the person on that day (the day of leaving counts); for what comes after, the last before it;
    None where the person came to none of them until then.
    """
    began = [stay for stay in stays if stay.from_date <= on]
    if not began:
        return None
    during = [stay for stay in began if stay.until_date is None or on <= stay.until_date]
    return max(during or began, key=lambda stay: stay.from_date).facility
