"""A batch in one transaction: what handlers make of it, what is remembered of it, and the position after it."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
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
Troubled = Callable[[HandlerFailed | GapFound], None]
"""Hears of every subject that is set aside, and why (`event`, `__cause__`), each time that it is."""

MOST_ASIDE = 100
"""More subjects than this are not set aside: what fails for so many is no trouble of theirs."""
_POSITION, _SUBJECT, _OWED, _ASIDE = "position", "subject", "owed", "aside"

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
    aside: int = 0
    """Subjects that were set aside when the run ended, since a handler raised or a version is missing."""


class _Failed(Exception):
    """A handler raised; the transaction is undone."""

    def __init__(self, event: Event) -> None:
        super().__init__()
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
        troubled: Troubled | None = None,
    ) -> None:
        self._store = store
        self._handlers = dict(handlers)
        self._delete_case = delete_case
        self._delete_identity = delete_identity
        self._gapless = gapless
        self._troubled = troubled
        self.report = Report()

    def positions(self) -> dict[str, str]:
        """How far the store is."""
        with self._store.transaction() as here:
            return {name: here.get(_POSITION, name) or "" for name in here.keys(_POSITION, 100)}

    def apply(self, events: Sequence[Event], positions: Mapping[str, str | None]) -> int | None:
        """Take events and move the positions, in one transaction. Returns None, or the index of the event that cannot
        be taken before others are told: then what comes before it is committed, and no position is moved.

        Where a handler raises, its subject is set aside, and the batch goes through without it. Raises HandlerFailed
        where that must not be.
        """
        while True:
            try:
                return self._transact(events, positions)
            except _Failed as failed:
                self.set_aside(_because(failed))

    def look_back(self, subject: str, history: Sequence[Event]) -> None:
        """Take what is new in everything that can be told of a subject. Where that is not enough, or a handler raises,
        it is set aside; otherwise it is no longer. Raises GapFound, HandlerFailed where that must not be."""
        try:
            stuck = self._transact(history, {}, history_of=subject)
        except _Failed as failed:
            self.set_aside(_because(failed))
        else:
            if stuck is not None:
                self.set_aside(GapFound(history[stuck]))

    def set_aside(self, trouble: HandlerFailed | GapFound) -> None:
        """Nothing more is taken of the event's subject, but requests to delete; the others go on. Raises the trouble
        where a deletion has failed, or where there are too many for the trouble to be one of theirs."""
        subject = trouble.event.subject
        must_not = isinstance(trouble, HandlerFailed) and request_of(trouble.event) is not None
        with self._store.transaction() as here:
            aside = here.keys(_ASIDE, MOST_ASIDE + 1)
            if must_not or (subject not in aside and len(aside) >= MOST_ASIDE):
                raise trouble
            here.put(_ASIDE, subject, str(trouble.event.grant or 0))
        _log.error("%s: nothing more is taken of this subject until that is mended", trouble)
        if self._troubled is not None:
            self._troubled(trouble)

    def aside(self) -> list[str]:
        """The subjects that are set aside."""
        with self._store.transaction() as here:
            return here.keys(_ASIDE, MOST_ASIDE + 1)

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

    def _transact(
        self, events: Sequence[Event], positions: Mapping[str, str | None], history_of: str | None = None
    ) -> int | None:
        known: dict[str, Known] = {}
        stood: dict[str, str | None] = {}
        counted = Report()
        stuck = None
        with self._store.transaction() as here:
            aside = {one: int(here.get(_ASIDE, one) or 0) for one in here.keys(_ASIDE, MOST_ASIDE + 1)}
            aside.pop(history_of or "", None)
            for index, event in enumerate(events):
                if event.subject not in known:
                    stood[event.subject] = here.get(_SUBJECT, event.subject)
                    known[event.subject] = Known.from_text(stood[event.subject])
                one = self._skip if event.subject in aside else self._one
                try:
                    verdict = one(here, event, known[event.subject], history_of is not None)
                except Exception as error:
                    raise _Failed(event) from error
                if verdict is None:
                    stuck = index
                    break
                counted.taken += verdict in (Verdict.TAKE, Verdict.END, Verdict.ERASE)
                counted.deleted += verdict in (Verdict.END, Verdict.ERASE)
                counted.dropped += verdict in (Verdict.REPEAT, Verdict.OVER)
                # What is set aside in a later grant stays so: the batch is gone through again from its beginning.
                if verdict is Verdict.ERASE or (
                    verdict is Verdict.END and aside.get(event.subject, 0) <= (event.grant or 0)
                ):
                    here.remove(_ASIDE, event.subject)
                    aside.pop(event.subject, None)
            for subject, each in known.items():
                if each != Known.from_text(stood[subject]):
                    here.put(_SUBJECT, subject, each.to_text())
            if stuck is None:
                _move(here, positions)
                if history_of is not None:
                    here.remove(_ASIDE, history_of)
        self.report.taken += counted.taken
        self.report.deleted += counted.deleted
        self.report.dropped += counted.dropped
        return stuck

    def _skip(self, here: Transaction[Db], event: Event, known: Known, history: bool) -> Verdict | None:
        """Of a subject that is set aside. What it misses is told again by its history."""
        verdict = judge(event, known, gapless=self._gapless)
        if verdict in (Verdict.END, Verdict.ERASE, Verdict.OVER, Verdict.REPEAT):
            return self._one(here, event, known, history)
        if request_of(event) == "case":  # of a grant that was never begun here
            self._delete_case(here.db, event.subject)
            known.end(known.grant)
            return self._one(here, event, known, history)
        if request_of(event) == "identity":
            self._delete_identity(here.db, event.subject)  # at once, and again when its turn comes
        return Verdict.GAP

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


def _move(here: Transaction[Db], positions: Mapping[str, str | None]) -> None:
    for name, position in positions.items():
        if position is None:
            here.remove(_POSITION, name)
        else:
            here.put(_POSITION, name, position)


def _because(failed: _Failed) -> HandlerFailed:
    trouble = HandlerFailed(failed.event, failed.__cause__)
    trouble.__cause__ = failed.__cause__
    return trouble
