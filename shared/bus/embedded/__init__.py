"""The embedded bus: Kafka's words over one SQLite file, for services that share one process and one event loop.

Reading order: `bus.py` (the door), `writer.py` (one thread, one connection, one commit for all who wait),
`log_file.py` (the file), `partition.py` (what is known of it in memory), `group.py` and `assignment.py` (who reads
what), `subscription.py` (how a member reads).

What it leaves out: producers and consumers outside of the process, replication, and time limits on `revoking`
(a member that never ends its batch keeps its partitions; Kafka would expel it).
"""

from shared.bus.embedded.bus import EmbeddedBus

__all__ = ["EmbeddedBus"]
