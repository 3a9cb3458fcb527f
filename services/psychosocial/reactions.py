"""What psychosocial does when another service speaks.

What intake tells and what shelter tells goes into columns of their own, so that it does not matter who was heard first.
"""

from typing import Any

from sqlalchemy import bindparam, select, update

from services.psychosocial.models import Entry, Place, Stay
from services.psychosocial.rules import KnownStay, whereabouts
from shared.consuming.reactions import Reactions
from shared.database.models import table_of
from shared.database.prepared import Prepared, upserting
from shared.events.envelope import Event
from shared.events.facilities import FacilityOpened
from shared.events.intake import CaseClosed, CaseReopened, CaseScreened
from shared.events.shelter import StayCheckedIn, StayCheckedOut
from shared.work import Work

ENTRY = table_of(Entry)
STAY = table_of(Stay)


def know_place(work: Work, event: Event, fact: FacilityOpened) -> None:
    """Who runs a shelter, and by which clock it lives."""
    if fact.kind != "shelter":
        return
    place = work.session.get(Place, fact.facility)
    if place is None:
        work.session.add(Place(code=fact.facility, agency=fact.agency, time_zone=fact.time_zone))
    else:
        place.agency, place.time_zone = fact.agency, fact.time_zone


def open_entry(work: Work, event: Event, fact: CaseScreened) -> None:
    """The person stands on the worklist, with the layer of care that the newest screening asked for."""
    _note(work, event.subject, screened=True, care_layer=fact.care_layer)


def close_entry(work: Work, event: Event, fact: CaseClosed) -> None:
    _note(work, event.subject, closed=True)


def reopen_entry(work: Work, event: Event, fact: CaseReopened) -> None:
    _note(work, event.subject, closed=False)


def come_in(work: Work, event: Event, fact: StayCheckedIn) -> None:
    """The person is in this house: its counsellors have them on their list."""
    stay = {
        "stay_id": fact.stay,
        "case_id": event.subject,
        "facility": fact.facility,
        "from_date": fact.on,
        "until_date": None,
    }
    upserting(STAY, ("stay_id",)).write(work.session, [stay])
    _follow(work, event.subject)


def leave(work: Work, event: Event, fact: StayCheckedOut) -> None:
    """The house keeps the person on its list, for what is written down late, but no longer in house."""
    _END.write(work.session, [{"of_stay": fact.stay, "on": fact.on}])
    _follow(work, event.subject)


REACTIONS: Reactions = {
    FacilityOpened: know_place,
    CaseScreened: open_entry,
    CaseClosed: close_entry,
    CaseReopened: reopen_entry,
    StayCheckedIn: come_in,
    StayCheckedOut: leave,
}


_STAYS = Prepared(
    select(STAY.c.facility, STAY.c.from_date, STAY.c.until_date).where(STAY.c.case_id == bindparam("of_case"))
)
_END = Prepared(update(STAY).where(STAY.c.stay_id == bindparam("of_stay")).values(until_date=bindparam("on")))


def _follow(work: Work, case_id: str) -> None:
    stays = _STAYS.all(work.session, of_case=case_id)
    where = whereabouts([KnownStay(facility, since, until) for facility, since, until in stays])
    if where is not None:
        _note(work, case_id, facility=where.facility, in_house=where.in_house)


def _note(work: Work, case_id: str, **told: Any) -> None:
    row = {"case_id": case_id, "screened": False, "care_layer": None, "closed": False, "facility": None}
    upserting(ENTRY, ("case_id",), tuple(told)).write(work.session, [row | {"in_house": False} | told])
