"""Persons who were erased since a backup was made: erased in the restored database, too, before anybody is served."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from shared.bus.protocol import Received
from shared.consuming.parking import event_of
from shared.erasing.forgetting import Forgetting, erase
from shared.events.intake import CaseErased
from shared.restoring.entering import whole_again
from shared.security.secrets import Secrets

AT_ONCE = 100
TELLER = "/pulang/intake"
_MARK = CaseErased.TYPE.encode()


@dataclass(slots=True)
class ErasuresTold:
    """The erasures among the records of the bus."""

    cases: set[str] = field(default_factory=set)

    def note(self, record: Received) -> None:
        """Of most records it is enough to look for the type's name."""
        if _MARK not in record.value and _MARK not in dict(record.headers).get("ce_type", b""):
            return
        event = event_of(record.value, record.headers)
        if event is not None and (event.type, event.source) == (CaseErased.TYPE, TELLER):
            self.cases.add(event.subject)


def erase_again(session: Session, forgetting: Forgetting, secrets: Secrets, cases: Sequence[str], teller: bool) -> None:
    """As the service did then; the keys go before it serves. `teller`: it is the service that tells of erasures.

    The state of an erased case is complete with that: there is nothing that an officer could enter again.
    """
    erase(forgetting, session, secrets, cases)
    if teller:
        whole_again(session, cases)
