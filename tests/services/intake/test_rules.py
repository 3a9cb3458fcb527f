"""Intake's decisions, as tables of cases."""

from datetime import date
from typing import Any

import pytest

from services.intake import rules
from services.intake.rules import CaseState


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("3507121705900003", True),
        ("3507125705900003", True),  # a woman: day + 40
        ("350712570590000", False),  # 15 digits
        ("35071257059000031", False),  # 17 digits
        ("3507125713900003", False),  # month 13
        ("3507125700900003", False),  # month 00
        ("3507123205900003", False),  # day 32
        ("3507120005900003", False),  # day 00
        ("3507124005900003", False),  # day 40
        ("3507127205900003", False),  # day 72
        ("3507127105900003", True),  # day 31 of a woman
        ("3507125705900000", False),  # serial 0000
        ("35071257059٠٠٠١", False),  # digits of another script
        ("3507125705900003 ", False),
        ("", False),
    ],
)
def test_what_a_nik_is(number: str, valid: bool) -> None:
    assert rules.is_nik(number) is valid


@pytest.mark.parametrize(
    ("nik", "sex", "born", "known", "warnings"),
    [
        ("3507125705900003", "F", date(1990, 5, 17), True, []),
        ("3507125705900003", "M", date(1990, 5, 17), True, ["nik_sex_differs"]),
        ("3507125705900003", "F", date(1990, 5, 18), True, ["nik_birth_date_differs"]),
        ("3507125705900003", "F", None, False, ["nik_region_unknown"]),
        ("53060401016", "F", date(1990, 5, 17), True, ["nik_malformed"]),
    ],
)
def test_what_a_person_should_look_at_in_a_nik(
    nik: str, sex: str, born: date | None, known: bool, warnings: list[str]
) -> None:
    assert rules.nik_warnings(nik, sex, born, known) == warnings


@pytest.mark.parametrize(
    ("kind", "number", "warnings"),
    [
        ("SPLP", "XD000001", []),
        ("passport", "A1234567", []),
        ("SPLP", None, ["document_number_missing"]),
        ("SPLP", "XD0000010", []),
        ("SPLP", "XD00000101", ["document_number_unusual"]),
        ("passport", "A 12-34", ["document_number_unusual"]),
        ("none", None, []),
        ("none", "A1", ["document_number_without_document"]),
    ],
)
def test_a_document_number_is_only_ever_warned_of(kind: str, number: str | None, warnings: list[str]) -> None:
    assert rules.document_warnings(kind, number) == warnings


@pytest.mark.parametrize(
    ("born", "band", "minor"),
    [
        (date(2020, 6, 1), "0--8", True),
        (date(2011, 6, 2), "0--8", True),
        (date(2011, 6, 1), "9--17", True),
        (date(2002, 6, 2), "9--17", True),
        (date(2002, 6, 1), "18--20", False),
        (date(1972, 6, 1), "48+", False),
        (date(2000, 2, 29), "18--20", False),
        (None, None, False),
    ],
)
def test_age_bands_turn_on_the_birthday(born: date | None, band: str | None, minor: bool) -> None:
    assert rules.band_at_arrival(born, date(2020, 6, 1)) == band
    assert rules.is_minor(band) is minor


def test_nobody_arrives_before_their_birth() -> None:
    with pytest.raises(ValueError, match="born after"):
        rules.band_at_arrival(date(2020, 6, 2), date(2020, 6, 1))


def state(referral: str = "none", stay: str = "none", home: str = "none", screened: str | None = None) -> CaseState:
    return CaseState("TNJ", "RPTC" if referral != "none" else None, referral, stay, home, screened, "open")


@pytest.mark.parametrize(
    ("case", "custodian", "phase"),
    [
        (state(), "TNJ", "registered"),
        (state(screened="NotAVictimOfTrafficking"), "TNJ", "screened"),
        (state("pending"), "TNJ", "referred"),
        (state("rejected", screened="NotAVictimOfTrafficking"), "TNJ", "screened"),
        (state("revoked"), "TNJ", "registered"),
        (state("accepted"), "RPTC", "referred"),
        (state("accepted", "checked_in"), "RPTC", "in_shelter"),
        (state("accepted", "checked_out"), "RPTC", "left_shelter"),
        (state("accepted", "checked_out", "planned"), "RPTC", "left_shelter"),
        (state("accepted", "checked_out", "departed"), "RPTC", "on_the_way"),
        (state("accepted", "checked_out", "arrived"), None, "home"),
        (state("accepted", "checked_in", "arrived"), None, "home"),  # the check-out is still on its way
    ],
)
def test_who_has_the_person_and_how_far_the_case_is(case: CaseState, custodian: str | None, phase: str) -> None:
    assert rules.custodian(case) == custodian
    assert rules.phase(case) == phase


def state(**change: str | None) -> CaseState:
    known: dict[str, Any] = {"referral_status": "none", "stay_status": "none", "return_status": "none"}
    known |= {"arrival_point": "TNJ", "facility": None, "trafficking_status": None, "status": "open"}
    return CaseState(**known | change)


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"referral_status": "pending"}, ["referral_pending"]),
        ({"referral_status": "rejected"}, []),
        ({"referral_status": "accepted"}, ["referral_accepted"]),
        ({"referral_status": "accepted", "stay_status": "checked_in"}, ["stay"]),
        ({"referral_status": "accepted", "stay_status": "checked_out"}, []),
        ({"stay_status": "checked_in", "return_status": "planned"}, ["stay", "return"]),
        ({"stay_status": "checked_out", "return_status": "departed"}, ["return"]),
        ({"stay_status": "checked_in", "return_status": "arrived"}, []),
        ({"stay_status": "checked_in", "return_status": "arrived", "status": "reopened"}, ["stay"]),
        ({"referral_status": "accepted", "return_status": "arrived"}, []),
        ({"referral_status": "pending", "return_status": "arrived"}, ["referral_pending"]),
    ],
)
def test_what_is_open(change: dict[str, str], codes: list[str]) -> None:
    found = rules.open_work(state(**change), "r", "s", "t")
    assert [one.code for one in found] == codes
    assert {one.code.split("_")[0]: one.id for one in found} == {
        code.split("_")[0]: {"referral": "r", "stay": "s", "return": "t"}[code.split("_")[0]] for code in codes
    }


@pytest.mark.parametrize(
    ("outcome", "open_work", "kind"),
    [
        ("returned", [], None),
        ("deceased", [rules.OpenWork("stay", "s")], "closure"),
        ("transferred", [], "transfer"),
        ("transferred", [rules.OpenWork("stay", "s")], "transfer"),
    ],
)
def test_which_closing_needs_a_second_person(outcome: str, open_work: list[rules.OpenWork], kind: str | None) -> None:
    assert rules.closing_kind(outcome, open_work) == kind


POSSIBLE, ACTUAL, NOT = "PossibleVictimOfTrafficking", "ActualVictimOfTrafficking", "NotAVictimOfTrafficking"


@pytest.mark.parametrize(
    ("finding", "standing", "told"),
    [
        (ACTUAL, None, POSSIBLE),
        (ACTUAL, POSSIBLE, POSSIBLE),
        (ACTUAL, NOT, POSSIBLE),
        (ACTUAL, ACTUAL, ACTUAL),
        (POSSIBLE, ACTUAL, POSSIBLE),
        (NOT, ACTUAL, NOT),
        (NOT, None, NOT),
    ],
)
def test_what_a_screening_tells(finding: str, standing: str | None, told: str) -> None:
    assert rules.status_told(finding, standing) == told


@pytest.mark.parametrize(
    ("change", "outcome", "status"),
    [
        ({}, None, "Active"),
        ({"status": "reopened", "return_status": "arrived"}, None, "Active"),
        ({"return_status": "departed"}, None, "Active"),
        ({"return_status": "arrived"}, None, "FollowUp"),
        ({"status": "closed", "return_status": "arrived"}, "returned", "Closed"),
        ({"status": "closed"}, "transferred", "ClosedReferred"),
        ({"status": "erased"}, None, "Closed"),
    ],
)
def test_the_status_in_htcds(change: dict[str, str], outcome: str | None, status: str) -> None:
    assert rules.htcds_status(state(**change), outcome) == status
