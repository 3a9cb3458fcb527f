"""Figures."""

from datetime import date

from shared.http.bodies import View


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


class Series(View):
    """Exact figures day by day."""

    by: str
    days: list[date]
    """Local to the place."""
    figures: dict[str, dict[str, list[int]]]
    """By measure and value: one number for each of the days. `resident` is who sleeps in a shelter on that night."""
    totals: dict[str, dict[str, int]]
    """By measure and value: the sum over the days, of all that may be summed."""


class PublishedMonth(View):
    """The people who arrived in a month, as they stood when it was published; rounded to tens.

    Null is withheld: under ten (also nobody), or one that would give such a figure away.
    """

    month: str
    arrivals: int | None
    tables: dict[str, dict[str, int | None]]
    """Each splits the same people, by table and value."""
