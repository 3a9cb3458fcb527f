"""Locks on what has no row yet: a name that two requests may both be about to take."""

import hashlib
from collections.abc import Iterable

from sqlalchemy import Integer, bindparam, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from shared.database.prepared import Prepared

PLACES = 1024
"""A server keeps some thousands of locks for all its sessions; a large group must not take them all."""

_PLACES = func.unnest(bindparam("of_places", type_=postgresql.ARRAY(Integer))).table_valued("place").render_derived()
_HOLD = Prepared(select(func.pg_advisory_xact_lock(bindparam("of_space", type_=Integer), _PLACES.c.place)))


def hold(session: Session, space: str, names: Iterable[bytes]) -> None:
    """Until the commit nobody else holds one of these names of this space; whoever waited sees what the other wrote.

    For what is decided by looking whether something is there: a constraint cannot say it, and there is no row to lock.
    Names share places, so now and then somebody waits for a stranger. SQLite has one writer, and needs none of it.
    """
    bind = session.bind
    if bind is None or bind.dialect.name == "sqlite":
        return
    places = sorted({int.from_bytes(hashlib.blake2b(name, digest_size=4).digest()) % PLACES for name in names})
    if places:
        _HOLD.all(session, of_space=int.from_bytes(space.encode()[:3]), of_places=places)
