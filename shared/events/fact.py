"""What a fact is, and the marks that say how far each of its fields may travel.

A field without a mark goes to every agency that may see the event. Guilty until marked: a new field of a fact is
looked at in review with the list in DESIGN 5 at hand.
"""

from enum import Enum
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

LIFECYCLE = "pulang.lifecycle"
"""Topic of the facts about a case; key and subject are the case id."""
OPERATIONS = "pulang.operations"
"""Topic of the facts about places and goods; key and subject are a facility, consignment or manifest id."""


class Mark(Enum):
    """How far a field travels."""

    PLACE = "place"
    """The id of a facility, post or store: opaque to agencies that do not run it."""
    INTERNAL = "internal"
    """Between the services only: `disclose` strips it."""
    PER_AGENCY = "per agency"
    """A list of entries with an `agency` each: an agency sees its own entry alone."""


PlaceId = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{1,39}$"), Mark.PLACE]


class Fact(BaseModel):
    """Something that happened. Subclasses are the `data` of one event type.

    Inside v1 a fact only grows by optional fields; consumers ignore what they don't know.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", use_enum_values=True)

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str] = LIFECYCLE
    BETWEEN_SERVICES: ClassVar[bool] = False
    """Of such a fact no agency hears anything, not even a stub: its whole stream is for the services alone."""

    def to_data(self) -> dict[str, Any]:
        """JSON-able (dates stay dates: orjson writes them); a field that is None is left out."""
        return self.model_dump(exclude_none=True)
