"""What a service does with its own rows when a person is erased; as a reaction, and after a restore."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from shared.consuming.reactions import Told
from shared.security.secrets import Secrets
from shared.times import utc_now
from shared.work import Work


@dataclass(frozen=True, slots=True)
class Forgetting:
    """How a service forgets people."""

    forget: Callable[[Session, Secrets, Sequence[str], int], None]
    """Deletes what is sealed or personal of these cases, dooms their keys (at that millisecond), and refuses them from
    then on. Also for a case that is not known here. May be repeated; tells no fact."""
    tables: tuple[Table, ...] = ()
    """Those that it deletes or blanks sealed columns of."""


def erase(forgetting: Forgetting, session: Session, secrets: Secrets, cases: Sequence[str]) -> None:
    """The service's own rows, and stored answers that name one of the cases."""
    forgetting.forget(session, secrets, sorted(set(cases)), int(utc_now().timestamp() * 1000))
    forget_answers(session, cases)


def erasing(forgetting: Forgetting) -> Callable[[Work, Sequence[Told]], None]:
    """For a table of reactions: `(CaseErased,)`, as the last one of it."""

    def note(work: Work, told: Sequence[Told]) -> None:
        erase(forgetting, work.session, work.secrets, [event.subject for event, _ in told])

    return note


def forget_answers(session: Session, cases: Sequence[str]) -> None:
    """Stored answers to requests about these cases: they hold no identity, but a keyed hash of a body that did.

    They are of one day, so to look through all of them is cheap enough. One that is still being made (status 0) is this
    very request's.
    """
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    holds = "instr(body, :wanted) > 0" if on_sqlite else "position(CAST(:wanted AS bytea) IN body) > 0"
    delete = text(f"DELETE FROM answers WHERE status <> 0 AND (route LIKE :within OR {holds})")
    for case in cases:
        session.execute(delete, {"wanted": case.encode(), "within": f"%{case}%"})
