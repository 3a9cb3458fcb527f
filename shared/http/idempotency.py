"""`Idempotency-Key`: the same key and body get the stored answer; another body under the same key is refused.

The answer is stored in the transaction of the command, so there is no moment at which one stands without the other. A
refusal is not stored: whoever mends the cause may use the key again. Answers are kept for 24 hours, per caller and
route, and never hold identity: no command that answers a POST returns any. Nor does the key, which is the caller's
free choice and may be made of a name or a NIK: it stands here as a keyed hash.
"""

import hmac
import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    String,
    Table,
    and_,
    bindparam,
    delete,
    select,
    update,
)

from shared.database.prepared import Prepared, insert_in
from shared.http.problems import Conflict, Invalid
from shared.outbox.table import SPINE
from shared.work import Work

LONGEST_NAME = 200
"""Characters of a caller or route."""
KEPT_MS = 24 * 3600 * 1000
_FORM = re.compile(r"[\x21-\x7e]{1,128}")

ANSWERS = Table(
    "answers",
    SPINE,
    Column("caller", String(LONGEST_NAME), primary_key=True),
    Column("route", String(LONGEST_NAME), primary_key=True),
    Column("key", String(128), primary_key=True),  # a keyed hash of what the caller chose
    Column("fingerprint", LargeBinary, nullable=False, comment="keyed hash of the request"),
    Column("status", Integer, nullable=False, comment="0 while the first request is at work"),
    Column("body", LargeBinary, nullable=False),
    Column("kept_since_ms", BigInteger, nullable=False, index=True),
)


_PLACE = and_(
    ANSWERS.c.caller == bindparam("of_caller"),
    ANSWERS.c.route == bindparam("of_route"),
    ANSWERS.c.key == bindparam("of_key"),
)
_DROP_OLD = Prepared(delete(ANSWERS).where(_PLACE, ANSWERS.c.kept_since_ms < bindparam("kept_before_ms")))
_RESERVE = Prepared(lambda dialect: insert_in(dialect, ANSWERS).on_conflict_do_nothing().returning(ANSWERS.c.key))
_STORED = Prepared(select(ANSWERS.c.fingerprint, ANSWERS.c.status, ANSWERS.c.body).where(_PLACE))
_STORE = Prepared(update(ANSWERS).where(_PLACE).values(status=bindparam("to_status"), body=bindparam("to_body")))


class KeyUsedForAnotherRequest(Invalid):
    """This Idempotency-Key was used with another body."""


class RequestInFlight(Conflict):
    """The first request with this Idempotency-Key is still at work."""


class KeyMalformed(Invalid):
    """An Idempotency-Key has 1 to 128 visible ASCII characters."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was, or will be, sent: a status and a JSON body."""

    status: int
    body: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Once:
    """One request that must take effect once."""

    caller: str
    route: str
    key: str
    content: bytes

    def __post_init__(self) -> None:
        if not _FORM.fullmatch(self.key):
            raise KeyMalformed(pointer="header.Idempotency-Key")

    def begin(self, work: Work) -> Answer | None:
        """Reserve the key, or give the stored answer. Raises KeyUsedForAnotherRequest, RequestInFlight."""
        mine = hmac.digest(work.secrets.fingerprint, self.content, "sha256")
        now_ms = int(work.now.timestamp() * 1000)
        place = self._place(work)
        _DROP_OLD.write(work.session, [place | {"kept_before_ms": now_ms - KEPT_MS}])
        reserved = {
            "caller": self.caller,
            "route": self.route,
            "key": place["of_key"],
            "fingerprint": mine,
            "status": 0,
            "body": b"",
            "kept_since_ms": now_ms,
        }
        if _RESERVE.write(work.session, [reserved]):
            return None
        stored = _STORED.first(work.session, **place)
        if stored is None:  # it was forgotten at this very moment
            raise RequestInFlight
        if not hmac.compare_digest(stored.fingerprint, mine):
            raise KeyUsedForAnotherRequest(pointer="header.Idempotency-Key")
        if stored.status == 0:
            raise RequestInFlight
        return Answer(stored.status, stored.body, replayed=True)

    def end(self, work: Work, answer: Answer) -> None:
        """Store the answer in the command's own transaction."""
        _STORE.write(work.session, [self._place(work) | {"to_status": answer.status, "to_body": answer.body}])

    def _place(self, work: Work) -> dict[str, Any]:
        hidden = hmac.digest(work.secrets.fingerprint, f"Idempotency-Key {self.key}".encode(), "sha256").hex()
        return {"of_caller": self.caller, "of_route": self.route, "of_key": hidden}


def forget_old(work: Work) -> None:
    """Drop the answers that are kept no longer."""
    now_ms = int(work.now.timestamp() * 1000)
    work.session.execute(delete(ANSWERS).where(ANSWERS.c.kept_since_ms < now_ms - KEPT_MS))
