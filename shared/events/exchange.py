"""What exchange writes itself."""

from typing import ClassVar

from shared.events.fact import Fact


class Withheld(Fact):
    """The stub in place of an event that policy withholds: all attributes, no data, so that versions stay gapless."""

    TYPE: ClassVar[str] = "pulang.withheld.v1"
