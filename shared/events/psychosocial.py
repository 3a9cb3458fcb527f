"""What psychosocial tells: levels and dates only; never an answer, a score or a note."""

from datetime import date
from typing import ClassVar, Literal

from shared.codes import IascLayer
from shared.events.fact import Fact

SessionKind = Literal["individual", "group", "family", "psychological_first_aid"]


class SessionRecorded(Fact):
    """A session took place."""

    TYPE: ClassVar[str] = "pulang.psychosocial.session_recorded.v1"

    session: str
    layer: IascLayer
    kind: SessionKind
    on: date
