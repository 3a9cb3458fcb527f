"""What aid does when another service speaks."""

from collections.abc import Sequence

from services.aid.commands.forgetting import FORGETTING
from services.aid.models import Case, Store
from shared.consuming.reactions import Reactions, Together, Told
from shared.database.models import table_of
from shared.database.prepared import upserting
from shared.erasing.forgetting import erasing
from shared.events.envelope import Event
from shared.events.facilities import FacilityOpened
from shared.events.intake import CaseErased, CaseRegistered
from shared.work import Work


def open_store(work: Work, event: Event, fact: FacilityOpened) -> None:
    """Every place has a store. Where a shelter and a post share a code, the shelter's telling holds in any order."""
    store = work.session.get(Store, fact.facility)
    if store is None:
        store = Store(code=fact.facility, kind="", name="", agency="", regency="", time_zone="")
        work.session.add(store)
    if store.kind != "shelter" or fact.kind == "shelter":
        store.sqlmodel_update(fact.model_dump(include={"kind", "name", "agency", "regency", "time_zone"}))


def know_cases(work: Work, told: Sequence[Told]) -> None:
    """From now on goods can be issued to the person."""
    _KNOW.write(work.session, [{"case_id": event.subject} for event, _ in told])


_KNOW = upserting(table_of(Case), ("case_id",))


REACTIONS: Reactions = {FacilityOpened: open_store}
TOGETHER: Together = {(CaseRegistered,): know_cases, (CaseErased,): erasing(FORGETTING)}
