"""Locks on what has no row yet: a name that two requests may both be about to take."""

import hashlib
from collections.abc import Iterable

from sqlalchemy import Integer, bindparam, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

PLACES = 1024
"""A server keeps some thousands of locks for all its sessions; a large group must not take them all."""

_HOLD = text("SELECT pg_advisory_xact_lock(:space, place) FROM unnest(:places) AS place").bindparams(
    bindparam("places", type_=postgresql.ARRAY(Integer))
)


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
        session.execute(_HOLD, {"space": int.from_bytes(space.encode()[:3]), "places": places})
