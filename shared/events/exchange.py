"""What exchange writes itself."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.events.fact import OPERATIONS, Fact

AgencyId = Annotated[str, Field(pattern=r"^[a-z0-9]{1,32}$")]


class Withheld(Fact):
    """The stub in place of an event that policy withholds: all attributes, no data, so that versions stay gapless."""

    TYPE: ClassVar[str] = "pulang.withheld.v1"


class AgencyJoined(Fact):
    """An agency joined the exchange, or came back: its tokens are let in. Subject: the agency."""

    TYPE: ClassVar[str] = "pulang.agency.joined.v1"
    TOPIC: ClassVar[str] = OPERATIONS
    BETWEEN_SERVICES: ClassVar[bool] = True

    agency: AgencyId


class AgencyLeft(Fact):
    """An agency left the exchange: its tokens open nothing, in any service. Subject: the agency."""

    TYPE: ClassVar[str] = "pulang.agency.left.v1"
    TOPIC: ClassVar[str] = OPERATIONS
    BETWEEN_SERVICES: ClassVar[bool] = True

    agency: AgencyId
