"""Intake's decisions: pure functions of what is known."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from shared.codes import MINOR_BANDS, AgeBand, TraffickingStatus, age_band
from shared.times import local_date

_NIK = re.compile(r"[0-9]{16}")
_DOCUMENT = re.compile(r"[A-Za-z0-9]{1,9}")
_WOMEN_ADD = 40


@dataclass(frozen=True, slots=True)
class CaseState:
    """What decides who has a case in hand and how far it is."""

    arrival_point: str
    facility: str | None
    referral_status: str
    stay_status: str
    return_status: str
    trafficking_status: str | None
    status: str


@dataclass(frozen=True, slots=True)
class OpenWork:
    """Something that is not finished for a person."""

    code: str
    """`referral_pending`, `referral_accepted`, `stay`, or `return`."""
    id: str | None
    """Of the referral, stay or trip; None for a stay that was heard of without one."""


def is_nik(number: str) -> bool:
    """16 digits, month 01–12, day 01–31 or 41–71 (women), serial from 0001. There is no check digit.

    Anything else about it (an unknown region, another birth date) is a warning, not a reason to refuse the number.
    """
    if not _NIK.fullmatch(number):
        return False
    day, month, serial = int(number[6:8]), int(number[8:10]), int(number[12:16])
    return 1 <= month <= 12 and (1 <= day <= 31 or 41 <= day <= 71) and serial > 0


def nik_warnings(nik: str, sex: str, born: date | None, region_known: bool) -> list[str]:
    """What a person should look at in a NIK; `region_known` is about its first six digits."""
    if not is_nik(nik):
        return ["nik_malformed"]
    warnings = [] if region_known else ["nik_region_unknown"]
    day, month, year = int(nik[6:8]), int(nik[8:10]), int(nik[10:12])
    woman = day > _WOMEN_ADD
    if woman != (sex == "F"):
        warnings.append("nik_sex_differs")
    if born is not None and (day - _WOMEN_ADD * woman, month, year) != (born.day, born.month, born.year % 100):
        warnings.append("nik_birth_date_differs")
    return warnings


def document_warnings(kind: str, number: str | None) -> list[str]:
    """A travel document's number has at most 9 letters or digits; any other form is only a warning."""
    if kind == "none":
        return ["document_number_without_document"] if number else []
    if not number:
        return ["document_number_missing"]
    return [] if _DOCUMENT.fullmatch(number.strip()) else ["document_number_unusual"]


def band_at_arrival(born: date | None, arrival: date) -> AgeBand | None:
    """Age band on the day of arrival; None where the birth date is not known. Raises ValueError if born later."""
    return None if born is None else age_band(born, arrival)


def is_minor(band: str | None) -> bool:
    """Under 18 on the day of arrival. An unknown age counts as of age: either way of consent is taken then."""
    return band in MINOR_BANDS


def custodian(case: CaseState) -> str | None:
    """The place that has the person in its hands: the arrival point until a shelter accepted, then the shelter until
    the arrival at home, then nobody (DESIGN 6)."""
    if case.return_status == "arrived":
        return None
    return case.facility if case.referral_status in ("accepted", "completed") else case.arrival_point


def phase(case: CaseState) -> str:
    """How far the case is, read off its facts, in whichever order they became known."""
    if case.return_status == "arrived":
        return "home"
    if case.return_status == "departed":
        return "on_the_way"
    if case.stay_status == "checked_out":
        return "left_shelter"
    if case.stay_status == "checked_in":
        return "in_shelter"
    if case.referral_status in ("pending", "accepted"):
        return "referred"
    return "screened" if case.trafficking_status else "registered"


def status_told(finding: str, standing: str | None) -> str:
    """The trafficking status that a screening tells: that somebody is a victim is found by the officer and approved by
    a supervisor, so that it is told as possible until then, unless it stands already."""
    if finding == TraffickingStatus.ACTUAL and standing != TraffickingStatus.ACTUAL:
        return TraffickingStatus.POSSIBLE
    return finding


def open_work(case: CaseState, referral: str | None, stay: str | None, trip: str | None) -> list[OpenWork]:
    """What is not finished: an unanswered question, a bed that waits or is taken, a journey.

    Who was handed over at home sleeps in no shelter, whatever that has written down by now; of a case that was reopened
    afterwards it is looked at again.
    """
    at_home = case.return_status == "arrived" and case.status != "reopened"
    found = []
    if case.referral_status == "pending":
        found.append(OpenWork("referral_pending", referral))
    elif case.referral_status == "accepted" and case.stay_status == "none" and not at_home:
        found.append(OpenWork("referral_accepted", referral))
    if case.stay_status == "checked_in" and not at_home:
        found.append(OpenWork("stay", stay))
    if case.return_status in ("planned", "departed"):
        found.append(OpenWork("return", trip))
    return found


def closing_kind(outcome: str, work: Collection[OpenWork]) -> str | None:
    """As what a closing has to be approved: `transfer`, `closure` where work is open; None where it need not be."""
    if outcome == "transferred":
        return "transfer"
    return "closure" if work else None


def htcds_status(case: CaseState, outcome: str | None) -> str:
    """HTCDS `cas_Status`: Active, FollowUp once the person is at home, Closed, ClosedReferred to another organisation.

    An erased case is told as closed.
    """
    if case.status in ("closed", "erased"):
        return "ClosedReferred" if outcome == "transferred" else "Closed"
    return "FollowUp" if case.return_status == "arrived" and case.status != "reopened" else "Active"


def trip_status(seats: Collection[str]) -> str:
    """How far a trip is, read off its seats; who left it counts no more."""
    for status in ("departed", "planned", "arrived"):
        if status in seats:
            return status
    return "cancelled"


def same_moment_or_later(said: datetime | date, before: datetime, time_zone: str) -> bool:
    """Whether what is said lies not before `before`; a bare date is judged by the calendar of the place."""
    return said >= before if isinstance(said, datetime) else said >= local_date(before, time_zone)
