"""Writing events into the service's event log, in the caller's transaction."""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import uuid_utils
from sqlalchemy import ColumnElement, Integer, Table, bindparam, literal_column, null, select
from sqlalchemy.orm import Session

from shared.database.prepared import Prepared, add_in, adding
from shared.database.together import Rows, insert_together
from shared.events.envelope import Event, rfc3339
from shared.events.fact import Fact
from shared.outbox.table import EVENTS, STREAMS

CHAIN_START = bytes(32)


_ADVANCE = adding(STREAMS, ("subject",), "version")
_VERSIONS = Prepared(
    select(STREAMS.c.subject, STREAMS.c.version, STREAMS.c.state_version).where(
        STREAMS.c.subject.in_(bindparam("of_subjects", expanding=True))
    )
)
_BEHIND = Prepared(
    select(STREAMS.c.subject).where(
        STREAMS.c.subject.in_(bindparam("of_subjects", expanding=True)), STREAMS.c.state_version.is_not(None)
    )
)
_HEAD = Prepared(
    select(EVENTS.c.hash).where(
        EVENTS.c.subject == bindparam("of_subject"), EVENTS.c.streamversion == bindparam("at_version")
    )
)
_HEADS = Prepared(
    select(EVENTS.c.subject, EVENTS.c.streamversion, EVENTS.c.hash).where(
        EVENTS.c.subject.in_(bindparam("of_subjects", expanding=True)),
        EVENTS.c.streamversion.in_(bindparam("at_versions", expanding=True)),
    )
)


def _advance_one(dialect: str) -> Any:
    """Adds to the version. PostgreSQL brings the hash of the row before as well, which spares a trip to it: none where
    the stream had to be waited for, since it looks at everything else as it was before the wait."""
    either = add_in(dialect, STREAMS, ("subject",), "version").values(
        subject=bindparam("of_subject"), version=bindparam("count")
    )
    if dialect != "postgresql":
        return either.returning(STREAMS.c.version, STREAMS.c.state_version, null().label("hash"))
    # By its text: as a column, it would put the table into the subquery.
    version: ColumnElement[int] = literal_column("streams.version", Integer)
    before = EVENTS.c.streamversion == version - bindparam("count", type_=Integer)
    found = select(EVENTS.c.hash).where(EVENTS.c.subject == bindparam("of_subject"), before).scalar_subquery()
    return either.returning(STREAMS.c.version, STREAMS.c.state_version, found.label("hash"))


_ADVANCE_ONE = Prepared(_advance_one)


class StateBehind(Exception):
    """After a restore the state of a subject is older than its events: nothing may be built on it."""

    def __init__(self, subjects: Iterable[str]) -> None:
        self.subjects = sorted(subjects)
        super().__init__(f"{len(self.subjects)} subjects wait for an officer")


@dataclass(slots=True)
class Told:
    """A fact that waits to be recorded. `occurred`: when it happened, may be back-dated."""

    subject: str
    fact: Fact
    occurred: datetime
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None


def event_id() -> str:
    """UUIDv7."""
    return str(uuid_utils.uuid7())


def chain_of(key: bytes) -> hmac.HMAC:
    """HMAC-SHA256 under the key, to be given to `chain_hash` for every row: made once, it costs half."""
    return hmac.new(key, digestmod="sha256")


def chain_hash(chain: hmac.HMAC, before: bytes, payload: bytes) -> bytes:
    """Over the hash of the row before in the stream and the exact bytes of this one."""
    link = chain.copy()
    link.update(before + payload)
    return link.digest()


def record(
    session: Session,
    source: str,
    told: Sequence[Told],
    now: datetime,
    chain_key: bytes,
    beside: Sequence[tuple[Table, Rows]] = (),
) -> list[Event]:
    """Give each fact its version and write the event rows, together with those `beside`.

    The rows of the streams are locked first, in sorted order, so that the order of a stream in the log is the order
    of its commits, and two writers never lock each other out. Facts of one subject keep the order they were told in.
    Raises StateBehind.
    """
    if not told:
        insert_together(session, beside)
        return []
    counts: dict[str, int] = {}
    for one in told:
        counts[one.subject] = counts.get(one.subject, 0) + 1
    last, heads = _advance(session, counts)
    chain = chain_of(chain_key)
    versions = {subject: last[subject] - count for subject, count in counts.items()}
    recordedtime, recorded_ms = rfc3339(now), int(now.timestamp() * 1000)
    times = {occurred: rfc3339(occurred) for occurred in {one.occurred for one in told}}  # a group has one or two
    events, rows = [], []
    for one in told:
        versions[one.subject] += 1
        event = Event(
            id=event_id(),
            source=source,
            type=one.fact.TYPE,
            subject=one.subject,
            time=times[one.occurred],
            recordedtime=recordedtime,
            streamversion=versions[one.subject],
            data=one.fact.to_data(),
            correlationid=one.correlationid,
            causationid=one.causationid,
            traceparent=one.traceparent,
        )
        payload = event.to_bytes()
        heads[one.subject] = chain_hash(chain, heads.get(one.subject, CHAIN_START), payload)
        events.append(event)
        rows.append(
            {
                "id": event.id,
                "subject": event.subject,
                "streamversion": event.streamversion,
                "type": event.type,
                "topic": one.fact.TOPIC,
                "recorded_ms": recorded_ms,
                "payload": payload,
                "hash": heads[one.subject],
            }
        )
    insert_together(session, [*beside, (EVENTS, rows)])
    return events


def refuse_behind(session: Session, subjects: Iterable[str]) -> None:
    """For who cannot wait for `record` to say it. Raises StateBehind."""
    if (asked := sorted(set(subjects))) and (behind := _BEHIND.all(session, of_subjects=asked)):
        raise StateBehind(row.subject for row in behind)


def _advance(session: Session, counts: dict[str, int]) -> tuple[dict[str, int], dict[str, bytes]]:
    """Lock each stream, add to its version; the new last version by subject, and the hash of the last row before."""
    if len(counts) == 1:
        ((subject, count),) = counts.items()
        (row,) = _ADVANCE_ONE.write(session, [{"of_subject": subject, "count": count}])
        if row.state_version is not None:
            raise StateBehind([subject])
        heads = {subject: row.hash} if row.hash is not None else _heads(session, [(subject, row.version - count)])
        return {subject: row.version}, heads
    # Many at once bring no rows back: they are asked for in one question afterwards, under the locks.
    subjects = sorted(counts)
    _ADVANCE.write(session, [{"subject": subject, "version": counts[subject]} for subject in subjects])
    rows = _VERSIONS.all(session, of_subjects=subjects)
    if behind := [row.subject for row in rows if row.state_version is not None]:
        raise StateBehind(behind)
    last = {row.subject: row.version for row in rows}
    return last, _heads(session, [(subject, last[subject] - count) for subject, count in counts.items()])


def _heads(session: Session, ends: Iterable[tuple[str, int]]) -> dict[str, bytes]:
    """The hash of the last row of each stream that had one."""
    wanted = [(subject, version) for subject, version in ends if version]
    if not wanted:
        return {}
    if len(wanted) == 1:
        ((subject, version),) = wanted
        head = _HEAD.first(session, of_subject=subject, at_version=version)
        return {} if head is None else {subject: head.hash}
    # Not by pairs: for a row value in a list, SQLite reads the whole log.
    version_of = dict(wanted)
    among = _HEADS.all(session, of_subjects=sorted(version_of), at_versions=sorted(set(version_of.values())))
    return {row.subject: row.hash for row in among if row.streamversion == version_of[row.subject]}
