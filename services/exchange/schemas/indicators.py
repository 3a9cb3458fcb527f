"""Figures."""

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
