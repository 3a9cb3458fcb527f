"""A projection built again from the bus, beside the live one, and put in its place: no side effects, nothing stops.

The new generation is read from the start of its topics by a group of its own, into rows and marks of its own. When it
has caught up, one transaction holds the live consumer off, sees that no stream is further there, and makes the new one
live; what was live is swept away afterwards. Until then the live one is what it always was, whatever happens here: a
build that was killed is started again from nothing, under the next number.
"""

from shared.consuming.rebuild.build import Build, Rebuilding
from shared.consuming.rebuild.generations import OUTDATED, STOPPED, Superseded, UnderWay, begin, progress

__all__ = ["OUTDATED", "STOPPED", "Build", "Rebuilding", "Superseded", "UnderWay", "begin", "progress"]
