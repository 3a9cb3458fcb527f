"""A batch in one transaction: what handlers make of it, what is remembered of it, and the position after it."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from pulang.subscriber.order import Known, Verdict, judge, request_of
from pulang.subscriber.problems import GapFound, HandlerFailed
from pulang.subscriber.store import Store, Transaction
from shared.events.envelope import Event
from shared.events.intake import ConsentChanged

Db = TypeVar("Db")
Handler = Callable[[Db, Event], None]
"""What you do with an event, by the store's `db`, in the batch's transaction. Never commits."""
Deleting = Callable[[Db, str], None]
"""Deletes what is held of a case, by its id, in the batch's transaction; nothing where nothing is held."""

ANY = "*"
"""Instead of a type: the handler of every event that is taken, before that of its type."""
_POSITION, _SUBJECT, _OWED = "position", "subject", "owed"

_log = logging.getLogger("pulang.subscriber")


@dataclass(slots=True)
class Report:
    """What a run did."""

    taken: int = 0
    """Events that counted: each once, also where no handler was there for it."""
    dropped: int = 0
    """Repeats, and what belongs to a grant that is over or to a case that was erased."""
    deleted: int = 0
    """Requests to delete a case that were carried out."""
    acknowledged: int = 0
    owed: int = 0
    """Acknowledgements that were not answered yet when the run ended; the next run goes on with them."""


class _Failed(Exception):
    """A handler raised; the transaction is undone."""

    def __init__(self, index: int, event: Event) -> None:
        super().__init__()
        self.index = index
        self.event = event


class Applying(Generic[Db]):
    """Handlers and what the store remembers, in step."""

    def __init__(
        self,
        store: Store[Db],
        handlers: Mapping[str, Handler[Db]],
        delete_case: Deleting[Db],
        delete_identity: Deleting[Db],
        gapless: bool,
    ) -> None:
        self._store = store
        self._handlers = dict(handlers)
        self._delete_case = delete_case
        self._delete_identity = delete_identity
        self._gapless = gapless
        self.report = Report()

    def positions(self) -> dict[str, str]:
        """How far the store is."""
        with self._store.transaction() as here:
            return {name: here.get(_POSITION, name) or "" for name in here.keys(_POSITION, 100)}

    def apply(
        self, events: Sequence[Event], positions: Mapping[str, str | None], *, history: bool = False
    ) -> int | None:
        """Take events and move the positions, in one transaction. Returns None, or the index of the event that cannot
        be taken before others are told: then what comes before it is committed, and no position is moved.

        `history`: this is all that can be told. Raises GapFound where something is missing in it. Raises HandlerFailed;
        what comes before the event is committed then, too.
        """
        try:
            stuck = self._transact(events, positions, history)
        except _Failed as failed:
            with suppress(_Failed):
                self._transact(events[: failed.index], {}, history)
            raise HandlerFailed(failed.event) from failed.__cause__
        if stuck is not None and history:
            raise GapFound(events[stuck])
        return stuck

    def owed(self, most: int) -> list[str]:
        """Events whose request is carried out and not acknowledged."""
        with self._store.transaction() as here:
            return here.keys(_OWED, most)

    def settle(self, event_ids: Iterable[str]) -> None:
        """These acknowledgements were answered."""
        with self._store.transaction() as here:
            for event_id in event_ids:
                here.remove(_OWED, event_id)
                self.report.acknowledged += 1

    def _transact(self, events: Sequence[Event], positions: Mapping[str, str | None], history: bool) -> int | None:
        known: dict[str, Known] = {}
        stood: dict[str, str | None] = {}
        counted = Report()
        stuck = None
        with self._store.transaction() as here:
            for index, event in enumerate(events):
                if event.subject not in known:
                    stood[event.subject] = here.get(_SUBJECT, event.subject)
                    known[event.subject] = Known.from_text(stood[event.subject])
                try:
                    verdict = self._one(here, event, known[event.subject], history)
                except Exception as error:
                    raise _Failed(index, event) from error
                if verdict is None:
                    stuck = index
                    break
                counted.taken += verdict in (Verdict.TAKE, Verdict.END, Verdict.ERASE)
                counted.deleted += verdict in (Verdict.END, Verdict.ERASE)
                counted.dropped += verdict in (Verdict.REPEAT, Verdict.OVER)
            for subject, one in known.items():
                if one != Known.from_text(stood[subject]):
                    here.put(_SUBJECT, subject, one.to_text())
            for name, position in positions.items() if stuck is None else ():
                if position is None:
                    here.remove(_POSITION, name)
                else:
                    here.put(_POSITION, name, position)
        self.report.taken += counted.taken
        self.report.deleted += counted.deleted
        self.report.dropped += counted.dropped
        return stuck

    def _one(self, here: Transaction[Db], event: Event, known: Known, history: bool) -> Verdict | None:
        """None: it cannot be taken yet, and nothing was done."""
        verdict = judge(event, known, gapless=self._gapless)
        if verdict is Verdict.UNTOLD_ENDING and (history or not self._gapless):
            # Nobody tells the ending: the new grant says itself that the one before it is over.
            self._delete_case(here.db, event.subject)
            known.end(known.grant)
            verdict = judge(event, known, gapless=self._gapless)
        if verdict in (Verdict.GAP, Verdict.UNTOLD_ENDING):
            return None
        request = request_of(event)
        if verdict in (Verdict.END, Verdict.ERASE):
            self._delete_case(here.db, event.subject)
        elif verdict is Verdict.TAKE:
            for handler in (self._handlers.get(ANY), self._handlers.get(event.type)):
                if handler is not None:
                    handler(here.db, event)
            if request == "identity":
                self._delete_identity(here.db, event.subject)
            elif event.type == ConsentChanged.TYPE and (event.data or {}).get("deletion_requested"):
                _log.error("event %s asks to delete what this version does not know: it is not acknowledged", event.id)
        if request is not None:
            # A repeat is answered again: who asks again may not have kept the answer.
            here.put(_OWED, event.id, "")
        known.note(event, verdict)
        return verdict
