"""Answers of shelter."""

from datetime import date

from shared.http.bodies import View


class RoomView(View):
    """A room; `bed_ids` in the order in which beds are given out."""

    name: str
    type: str
    beds: int
    bed_ids: list[str]


class FacilityView(View):
    """A shelter."""

    code: str
    name: str
    agency: str
    regency: str
    time_zone: str
    beds: int
    rooms: list[RoomView]


class ReferralView(View):
    """A person whom the shelter is asked to take in, with what decides about the room."""

    referral_id: str
    case_id: str
    facility: str
    status: str
    reason: str | None = None
    sex: str | None = None
    age_band: str | None = None
    needs: list[str] = []


class AnsweredReferral(View):
    """A referral as it stands after the answer."""

    referral_id: str
    case_id: str
    facility: str
    status: str


class AnsweredReferrals(View):
    """In the order of the request."""

    referrals: list[AnsweredReferral]


class SegmentView(View):
    """Nights in one bed: from that of `from_date` to the one before `until_date`."""

    bed_id: str
    room: str
    room_type: str
    from_date: date
    until_date: date | None = None


class StayView(View):
    """A stay; `segments` in the order of their nights, none where the plan was given up."""

    stay_id: str
    case_id: str
    facility: str
    status: str
    from_date: date
    until_date: date | None = None
    reason: str | None = None
    segments: list[SegmentView]


class Stays(View):
    """In the order of the request."""

    stays: list[StayView]


class NightView(View):
    """One night: beds there are, those slept in, and those held for people who are planned."""

    on: date
    beds: int
    taken: int
    held: int


class Occupancy(View):
    """A shelter, night by night."""

    facility: str
    nights: list[NightView]


class Figures(View):
    """Shelter's own figures, counted from its tables, over the shelters in scope."""

    sent_home: int
    """Left to go home, up to and with the last day."""
    still_resident: int
    """Slept in a shelter on the night of the last day."""
    resident_by_shelter: dict[str, int]
    checked_in_by_shelter: dict[str, int]
    beds_by_shelter: dict[str, int]
    """On the last day."""
    peak_occupancy_by_shelter: dict[str, int]
    """The most beds taken on one night."""
    bed_nights_by_shelter: dict[str, int]
