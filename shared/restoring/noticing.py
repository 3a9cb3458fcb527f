"""Whether the bus knows more of a service than the service's own database: then it was restored, and may write nothing.

Not everything is read, which would take hours: the end of each partition tells. Decision 10 says what that leaves open.
"""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.orm import Session

from shared.bus.protocol import Bus, Received, TopicPartition, stretch
from shared.consuming.inbox import Listener, read
from shared.consuming.parking import event_of, key_of
from shared.consuming.table import INBOX, PARKED
from shared.database.prepared import Prepared, upserting
from shared.database.protocol import Database, DatabaseUnavailable
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE, OPERATIONS
from shared.outbox.table import EVENTS, HOME

TOPICS = (LIFECYCLE, OPERATIONS)
AT_ONCE = 1_000
OWN_ENOUGH = 100
"""Own records of a partition that are looked up: more than transactions are ever open at once, any of which may have
committed before the backup while an earlier one had not."""
FURTHEST = 50_000
"""Records of a partition that are looked through at most, where the database is still where it was."""
CLOCKS_MS = 10 * 60 * 1000
"""How far the clocks of replicas may be apart, with what a relay holds back."""


class DatabaseOlder(DatabaseUnavailable):
    """The database is older than the bus: what it lacks has to be put back before anything is written."""

    def __init__(self, service: str) -> None:
        super().__init__(
            f"{service}: the database is older than the bus, as after a restore: run `pulang restore-check {service}`"
        )


class DatabaseMoved(Exception):
    """Another server, or another history of it, answers than before: it may lack what was committed last."""


def server_of(session: Session) -> str | None:
    """Which server, and which of its histories: each restore to a moment and each promotion begins a new one. None on
    SQLite, which keeps no account of that."""
    if session.connection().dialect.name != "postgresql":
        return None
    return str(session.execute(_SERVER).scalar_one())


def has_moved(session: Session) -> bool:
    """Whether this is another server, or another of its histories, than when the database was last seen whole.

    One that has recorded nothing yet has nothing to be older with.
    """
    home = _AT_HOME.first(session)
    if (server := server_of(session)) is None or (home is not None and server == home.server):
        return False
    return home is not None or _RECORDED.first(session) is not None


def is_at_home(session: Session) -> None:
    """From now on this server is the one that it was last seen whole on."""
    if (server := server_of(session)) is not None:
        _HOME.write(session, [{"name": "home", "server": server}])


async def is_older(bus: Bus, database: Database, service: str, consumers: Sequence[Listener], *, moved: bool) -> bool:
    """Whether the bus has events of this service that its log lacks, or its consumers went on behind what the database
    has taken in. `moved`: the server is another one, so that no number of records limits looking back.

    What is older than the newest that the database recorded or took in, it has: a service that records seldom, as
    exchange, is not made to look through all of the bus for its events.

    Raises UnknownTopic, BusUnavailable, DatabaseUnavailable.
    """
    held = {place: extent for topic in TOPICS for place, extent in (await bus.extents(topic)).items()}
    newest_ms = await database.read(_newest)
    for consumer in consumers:
        for place, position in (await bus.committed(consumer.name, consumer.topics)).items():
            # A position beyond the end is one of a topic that was made anew since.
            if held[place].start < position <= held[place].stop:
                before = range(max(held[place].start, position - OWN_ENOUGH), position)
                if heard := await _heard(bus, consumer, place, before):
                    taken_in_ms = await database.read(partial(_taken_in, consumer=consumer, heard=heard))
                    if taken_in_ms is None:
                        return True
                    newest_ms = max(newest_ms, taken_in_ms)
    for place, extent in held.items():
        since = extent if moved else range(max(extent.start, extent.stop - FURTHEST), extent.stop)
        if await _has_more(bus, database, f"/pulang/{service}", place, since, newest_ms - CLOCKS_MS):
            return True
    return False


async def _has_more(
    bus: Bus, database: Database, source: str, place: TopicPartition, within: range, before_ms: int
) -> bool:
    """Looks back from the end until enough own records were seen, or everything is older than the log's end."""
    seen, end = 0, within.stop
    while end > within.start and seen < OWN_ENOUGH:
        records = await stretch(bus, place, range(max(within.start, end - AT_ONCE), end))
        own = {event.id for event in own_events(records, source)}
        if own - await database.read(partial(_known, ids=own)):
            return True
        if max(record.timestamp_ms for record in records) < before_ms:
            return False
        seen, end = seen + len(own), records[0].offset
    return False


async def _heard(bus: Bus, consumer: Listener, place: TopicPartition, before: range) -> list[tuple[Received, Event]]:
    """What the group is past, of what it takes in."""
    arrived = read(await stretch(bus, place, before), consumer.ignores)
    return [(record, event) for record, event in arrived if event is not None]


def own_events(records: Sequence[Received], source: str) -> list[Event]:
    """Of one source; the others are not even taken apart."""
    mark = f'"{source}"'.encode()
    events = [event_of(record.value, record.headers) for record in records if mark in record.value]
    return [event for event in events if event is not None and event.source == source]


def _newest(session: Session) -> int:
    return int(_NEWEST.all(session)[0].newest or 0)


def _known(session: Session, ids: set[str]) -> set[str]:
    return {row.id for row in _KNOWN.all(session, of_ids=sorted(ids))}


def _taken_in(session: Session, consumer: Listener, heard: Sequence[tuple[Received, Event]]) -> int | None:
    """When the newest was recorded that is applied here, 0 where none is: the database is no older than that. None
    where some are neither applied nor parked."""
    name = consumer.name_at(session)
    marks = {
        (row.source, row.subject): row.version
        for row in _MARKS.all(session, of_consumer=name, of_subjects=sorted({event.subject for _, event in heard}))
    }
    applied_ms, ahead = 0, set[str]()
    for record, event in heard:
        if event.streamversion > marks.get((event.source, event.subject), 0):
            ahead.add(key_of(record))
        else:
            applied_ms = max(applied_ms, record.timestamp_ms)
    parked = {row.key for row in _PARKED.all(session, of_consumer=name, of_keys=sorted(ahead))} if ahead else set()
    return applied_ms if parked.issuperset(ahead) else None


_SERVER = text(
    "SELECT system_identifier || '/' || CASE WHEN pg_is_in_recovery() THEN 'recovering'"
    " ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END FROM pg_control_system()"
)
_AT_HOME = Prepared(select(HOME.c.server))
_RECORDED = Prepared(select(EVENTS.c.position).limit(1))
_HOME = upserting(HOME, ("name",), ("server",))
_NEWEST = Prepared(
    # By position, which has an index; the clock of a replica may lag, which CLOCKS_MS allows for.
    select(func.max(EVENTS.c.recorded_ms).label("newest")).where(
        EVENTS.c.position > select(func.coalesce(func.max(EVENTS.c.position), 0) - AT_ONCE).scalar_subquery()
    )
)
_KNOWN = Prepared(select(EVENTS.c.id).where(EVENTS.c.id.in_(bindparam("of_ids", expanding=True))))
_MARKS = Prepared(
    select(INBOX.c.source, INBOX.c.subject, INBOX.c.version).where(
        INBOX.c.consumer == bindparam("of_consumer"), INBOX.c.subject.in_(bindparam("of_subjects", expanding=True))
    )
)
_PARKED = Prepared(
    select(PARKED.c.key)
    .where(PARKED.c.consumer == bindparam("of_consumer"), PARKED.c.key.in_(bindparam("of_keys", expanding=True)))
    .distinct()
)
