"""What psychosocial does when another service speaks.

What intake tells and what shelter tells goes into columns of their own, so that it does not matter who was heard first.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select, update

from services.psychosocial.commands.forgetting import FORGETTING
from services.psychosocial.models import Entry, Place, Stay
from services.psychosocial.rules import KnownStay, whereabouts
from shared.consuming.reactions import Reactions, Together, Told
from shared.database.models import table_of
from shared.database.prepared import Prepared, note, upserting
from shared.erasing.forgetting import erasing
from shared.events.envelope import Event
from shared.events.facilities import FacilityOpened
from shared.events.intake import CaseClosed, CaseErased, CaseReopened, CaseScreened
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


def open_entries(work: Work, told: Sequence[Told]) -> None:
    """The person stands on the worklist, with the layer of care that the newest screening asked for."""
    _note(work, [(event.subject, {"screened": True, "care_layer": fact.care_layer}) for event, fact in told])


def close_entries(work: Work, told: Sequence[Told]) -> None:
    """Or open them again."""
    _note(work, [(event.subject, {"closed": isinstance(fact, CaseClosed)}) for event, fact in told])


def follow_stays(work: Work, told: Sequence[Told]) -> None:
    """Whoever is in a house stands on the list of its counsellors; who left stays there, for what is written down late,
    but no longer in house."""
    _BEGIN.write(work.session, [_stay(event, fact) for event, fact in told if isinstance(fact, StayCheckedIn)])
    _END.write(
        work.session, [{"of_stay": fact.stay, "on": fact.on} for _, fact in told if isinstance(fact, StayCheckedOut)]
    )
    stays: dict[str, list[KnownStay]] = defaultdict(list)
    for case_id, facility, since, until in _STAYS.all(work.session, of_cases=sorted({one.subject for one, _ in told})):
        stays[case_id].append(KnownStay(facility, since, until))
    found = {case_id: whereabouts(known) for case_id, known in sorted(stays.items())}
    _note(work, [(case, {"facility": at.facility, "in_house": at.in_house}) for case, at in found.items() if at])


REACTIONS: Reactions = {FacilityOpened: know_place}
TOGETHER: Together = {
    (CaseScreened,): open_entries,
    (CaseClosed, CaseReopened): close_entries,
    (StayCheckedIn, StayCheckedOut): follow_stays,
    (CaseErased,): erasing(FORGETTING),
}


_BEGIN = upserting(STAY, ("stay_id",))
_END = Prepared(update(STAY).where(STAY.c.stay_id == bindparam("of_stay")).values(until_date=bindparam("on")))
_STAYS = Prepared(
    select(STAY.c.case_id, STAY.c.facility, STAY.c.from_date, STAY.c.until_date).where(
        STAY.c.case_id.in_(bindparam("of_cases", expanding=True))
    )
)


def _stay(event: Event, fact: StayCheckedIn) -> dict[str, Any]:
    return {
        "stay_id": fact.stay,
        "case_id": event.subject,
        "facility": fact.facility,
        "from_date": fact.on,
        "until_date": None,
    }


def _note(work: Work, told: Sequence[tuple[str, dict[str, Any]]]) -> None:
    new = {"screened": False, "care_layer": None, "closed": False, "facility": None, "in_house": False, "erased": False}
    note(work.session, ENTRY, "case_id", new, told)
