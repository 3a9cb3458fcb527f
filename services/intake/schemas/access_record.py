"""What the person is told of who saw their identity."""

from typing import Literal

from shared.http.bodies import View

AccessPurpose = Literal["person_request", "legal"]
Language = Literal["id", "en"]


class AgencyNamed(View):
    """An agency, and the name that the person knows it by."""

    code: str
    name: str


class AccessEntry(View):
    """One time that somebody asked, or the refusals of one day that are alike.

    Who of the agency it was stands in the audit log alone.
    """

    at: str
    """In the time zone of the place; of several, the first."""
    until: str | None = None
    """The last of several."""
    times: int = 1
    """More than once only where it was refused."""
    act: str
    act_title: str
    agency: AgencyNamed
    roles: list[str]
    """Their titles."""
    purpose: str | None = None
    purpose_title: str | None = None
    outcome: str
    outcome_title: str


class AccessRecord(View):
    """Who read, corrected or asked for the person's identity; texts are in `language`.

    `limited_to`: the agency that is meant alone, where whoever asked has no more than the person's consent.
    `earlier`: how many there are besides those that are shown.
    """

    case_id: str
    language: Language
    time_zone: str
    printed_at: str
    limited_to: AgencyNamed | None = None
    earlier: int
    entries: list[AccessEntry]
