"""Code lists that the services share, in the words of their sources.

HTCDS 2.0 is IOM's Human Trafficking Case Data Standard (CC BY 4.0); age bands are those of the CTDC public data.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

Sex = Literal["M", "F"]
AgeBand = Literal["0--8", "9--17", "18--20", "21--23", "24--26", "27--29", "30--38", "39--47", "48+"]
RegencyCode = Annotated[str, Field(pattern=r"^\d\d\.\d\d$", examples=["35.07"])]
"""Kemendagri code of a regency or city."""
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["MY"])]
"""ISO 3166 alpha-2."""
AgencyId = Annotated[str, Field(pattern=r"^[a-z0-9]{1,32}$", examples=["iom"])]
ConsentLevel = Literal["none", "pseudonymous", "identified"]
ConsentStatus = Literal["given", "refused", "withdrawn", "expired"]
GivenBy = Literal["person", "guardian"]
RoomType = Literal["male", "female", "family", "isolation"]
IascLayer = Annotated[int, Field(ge=1, le=4)]
"""Layer of the IASC MHPSS pyramid: 1 basic services and security … 4 specialised services."""
ClosureOutcome = Literal["returned", "transferred", "disappeared", "deceased", "duplicate", "withdrawn"]

MINOR_BANDS: frozenset[str] = frozenset({"0--8", "9--17"})
"""CTDC's bands end at 17: a person under 18 is in one of these."""

_BANDS: tuple[tuple[int, AgeBand], ...] = (
    (8, "0--8"),
    (17, "9--17"),
    (20, "18--20"),
    (23, "21--23"),
    (26, "24--26"),
    (29, "27--29"),
    (38, "30--38"),
    (47, "39--47"),
)


def age_band(born: date, on: date) -> AgeBand:
    """CTDC age band on a day. Raises ValueError when the person is not born yet."""
    years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    if years < 0:
        raise ValueError("born after that day")
    return next((band for last, band in _BANDS if years <= last), "48+")


class TraffickingStatus(StrEnum):
    """HTCDS TraffickingStatus."""

    POSSIBLE = "PossibleVictimOfTrafficking"
    ACTUAL = "ActualVictimOfTrafficking"
    NOT = "NotAVictimOfTrafficking"


class StatusDecidedBy(StrEnum):
    """HTCDS: who decided the trafficking status."""

    POLICE = "Police"
    NGO = "NGO"
    COURT = "CourtOrProsecution"
    GOVERNMENT = "NonPoliceGovernmentalOrganization"
    OTHER = "Other"


class MethodOfControl(StrEnum):
    """HTCDS MethodsOfControl."""

    PHYSICAL_THREATS = "PhysicalThreats"
    THREATS_LAW_ENFORCEMENT = "ThreatsLawEnforcement"
    THREATENS_CHILDREN_FAMILY = "ThreatensChildrenFamily"
    DEBT_BONDAGE = "DebtBondage"
    FALSE_PROMISES = "FalsePromises"
    PHYSICAL_ABUSE = "PhysicalAbuse"
    SEXUAL_ABUSE = "SexualAbuse"
    TAKES_EARNINGS = "TakesEarnings"
    RESTRICTS_FINANCIAL_ACCESS = "RestrictsFinancialAccess"
    RESTRICTS_MEDICAL_CARE = "RestrictsMedicalCare"
    WITHHOLDS_NECESSITIES = "WithholdsNecessities"
    PSYCHOLOGICAL_ABUSE = "PsychologicalAbuse"
    PSYCHOACTIVE_SUBSTANCE = "PsychoactiveSubstance"
    EXCESSIVE_WORKING_HOURS = "ExcessiveWorkingHours"
    WITHHOLDS_DOCUMENTS = "WithholdsDocuments"
    OTHER = "Other"


class TypeOfExploitation(StrEnum):
    """HTCDS TypeOfExploitation."""

    FORCED_LABOUR = "ForcedLabour"
    SEXUAL_EXPLOITATION = "SexualExploitation"
    CHILD_LABOUR = "ChildLabour"
    FORCED_MARRIAGE = "ForcedMarriage"
    SERVITUDE = "Servitude"
    FORCED_MILITARY = "ForcedMilitaryByNonStateActors"
    ORGAN_REMOVAL = "OrganRemoval"
    FORCED_BEGGING = "ForcedBegging"
    FORCED_ADOPTION = "ForcedAdoption"
    SURROGACY = "Surrogacy"
    OTHER = "Other"


class Need(StrEnum):
    """Coded needs that another service acts on; their reasons never travel (DESIGN 5)."""

    ISOLATION = "isolation"
    GROUND_FLOOR = "ground_floor"
