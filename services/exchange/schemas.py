"""Answers of exchange."""

from typing import Any

from pydantic import Field

from shared.http.bodies import View


class FeedPage(View):
    """Events of an agency's log, in its order, and where to go on."""

    events: list[dict[str, Any]] = Field(description="CloudEvents 1.0 in JSON.")
    next: str = Field(description="Cursor: give it as `after` to go on; also there when nothing is new.")


class AgencyLog(View):
    """An agency of the exchange."""

    agency: str
    name: str
    kind: str
    withheld: list[str]
    """Types of events of which it gets stubs alone."""
    last: int
    """Last position of its log."""
    sent: int
    """Up to where its topic on the bus stands."""


class Indicators(View):
    """The season in figures, exact: for an administrator."""

    cases: int
    sent_home: int
    """People who have checked out to go home."""
    still_resident: int
    resident_by_shelter: dict[str, int]
    checked_in_by_shelter: dict[str, int]
    beds_by_shelter: dict[str, int]
    peak_occupancy_by_shelter: dict[str, int]
    """The most beds taken on one night."""
    bed_nights_by_shelter: dict[str, int]
    by_trafficking_status: dict[str, int]
    by_arrival_point: dict[str, int]
    by_sex: dict[str, int]
    hygiene_kits_issued: int
    psychosocial_sessions: int
    identity_consent: dict[str, int]
    """People at level `identified`, by agency."""
