"""A batch and its transaction: what a handler that raises, a full disk or another reader of the file make of it."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from pulang.subscriber import (
    ANY,
    ERASED,
    Event,
    GapFound,
    HandlerFailed,
    Refused,
    SqliteStore,
    Subscriber,
    applying,
    subscriber,
)
from tests.subscriber.copying import SCHEMA, Copy, Script, delete_case, delete_identity, hold
from tests.subscriber.telling import Telling

CASE = "00000000-0000-0000-0000-000000000001"
OTHER = "00000000-0000-0000-0000-000000000002"


def told(telling: Telling) -> list[Event]:
    """One case that stays, another that is withdrawn, and an operation."""
    for case in (CASE, OTHER):
        telling.happens(case, "/pulang/intake")
        telling.decide(case, "pseudonymous")
    telling.happens(CASE, "/pulang/shelter")
    telling.decide(OTHER, "none")
    telling.operate("PLACE-1")
    return telling.topic


def test_where_a_handler_raises_the_others_go_on(
    telling: Telling, copy: Copy, caplog: pytest.LogCaptureFixture
) -> None:
    events = told(telling)
    script = Script([events], past=events)
    broken_still = True

    def broken(db: sqlite3.Connection, event: Event) -> None:
        hold(db, event)
        if event.source == "/pulang/shelter" and event.grant and broken_still:
            raise LookupError("the shelter of Contoh Nama")

    heard: list[HandlerFailed | GapFound] = []
    report = copy.subscriber(script, {ANY: broken}, troubled=heard.append).run(until_idle=0)
    (trouble,) = heard
    assert isinstance(trouble, HandlerFailed)
    assert isinstance(trouble.__cause__, LookupError)
    assert trouble.event == events[4]
    assert "test_applying.py" in caplog.text
    assert "Contoh" not in caplog.text
    assert report.aside == 1
    assert set(copy.held) == {"PLACE-1"}, "of the case nothing is taken in this batch, and no other waits for it"
    assert set(script.acknowledged) == telling.requests()

    assert copy.subscriber(script, {ANY: broken}).run(until_idle=0).aside == 1, "it was tried again"
    broken_still = False
    assert copy.subscriber(script, {ANY: broken}).run(until_idle=0).aside == 0
    whole = Copy()
    whole.subscriber(Script([events])).run(until_idle=0)
    assert copy.held == whole.held


def test_what_fails_for_too_many_ends_the_run(telling: Telling, copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "MOST_ASIDE", 3)
    for number in range(5):
        telling.operate(f"PLACE-{number}")

    def broken(db: sqlite3.Connection, event: Event) -> None:
        raise MemoryError

    script = Script([telling.topic], past=telling.topic)
    for _ in range(2):
        with pytest.raises(HandlerFailed):
            copy.subscriber(script, {ANY: broken}).run(until_idle=0)
    assert copy.rows("SELECT * FROM pulang_subscriber WHERE kind = 'position'") == []
    assert copy.subscriber(script).run(until_idle=0).taken == 5
    assert len(copy.held) == 5


async def test_what_was_set_aside_is_tried_again_in_the_same_run(
    telling: Telling, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "TRIED_AGAIN_SECONDS", 0.0)
    tries = iter(range(100))

    def at_the_third_time(db: sqlite3.Connection, event: Event) -> None:
        if next(tries) < 3:
            raise LookupError
        hold(db, event)

    telling.operate("PLACE-1")
    script = Script([telling.topic], past=telling.topic)
    running = copy.subscriber(script, {ANY: at_the_third_time})
    task = asyncio.create_task(running.follow())
    while "PLACE-1" not in copy.held:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    running.stop()
    assert (await task).aside == 0


def test_a_deletion_that_fails_ends_the_run_and_is_not_acknowledged(telling: Telling, copy: Copy) -> None:
    def cannot(db: sqlite3.Connection, case_id: str) -> None:
        raise PermissionError

    script = Script([told(telling)])
    with pytest.raises(HandlerFailed):
        copy.subscriber(script, delete_case=cannot).run(until_idle=0)
    assert script.acknowledged == []
    assert copy.owed == []
    copy.subscriber(script).run(until_idle=0)
    assert set(script.acknowledged) == telling.requests()


def test_a_person_is_deleted_whose_case_is_set_aside(telling: Telling, copy: Copy) -> None:
    """Whether a version is missing or a handler fails: what asks to delete waits for nothing."""
    telling.happens(CASE, "/pulang/intake")
    telling.decide(CASE, "identified")
    telling.happens(CASE, "/pulang/aid")
    telling.happens(CASE, "/pulang/aid")
    telling.decide(CASE, "pseudonymous")
    gap = [event for event in telling.topic if (event.source, event.streamversion) != ("/pulang/aid", 1)]
    script = Script([gap])
    assert copy.subscriber(script).run(until_idle=0).aside == 1
    assert copy.deleted("identity") == [CASE]
    assert script.acknowledged == [], "it is said when its turn has come"
    telling.decide(CASE, "none")
    ending = telling.topic[-1]
    both, script = Copy(), Script([gap, [ending]])
    report = both.subscriber(script).run(until_idle=0)
    assert (report.aside, both.held) == (0, {})
    assert both.deleted("identity") == both.deleted("case") == [CASE]
    assert script.acknowledged == [ending.id]


def test_what_the_file_refuses_leaves_no_trace(telling: Telling, copy: Copy) -> None:
    """The effect, the versions and the position stand together or not at all."""
    script = Script([told(telling)])
    with copy.store.transaction() as here:
        here.db.execute(
            "CREATE TRIGGER full BEFORE INSERT ON pulang_subscriber WHEN new.kind = 'position' "
            "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    with pytest.raises(sqlite3.IntegrityError, match="disk full"):
        copy.subscriber(script).run(until_idle=0)
    assert copy.held == {}
    assert copy.deleted("case") == []
    assert copy.rows("SELECT * FROM pulang_subscriber") == []


def test_a_deletion_is_not_acknowledged_while_somebody_reads_what_was_there(
    telling: Telling, copy: Copy, tmp_path: Path
) -> None:
    told(telling)
    script = Script([telling.topic[:3], telling.topic[3:]])
    copy.subscriber(Script(script.batches[:1])).run(until_idle=0)
    reader = sqlite3.connect(tmp_path / "copy.db", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM held").fetchone() != (0,)
    report = copy.subscriber(script).run(until_idle=0)
    assert (script.acknowledged, report.deleted, report.owed) == ([], 1, 1)
    reader.close()
    assert copy.subscriber(script).run(until_idle=0).owed == 0
    assert len(script.acknowledged) == 1


def test_an_erased_case_is_gone_for_good(telling: Telling, copy: Copy) -> None:
    telling.happens(CASE, "/pulang/intake")
    telling.decide(CASE, "identified")
    telling.happens(CASE, "/pulang/intake")
    before = list(telling.topic)
    telling.erase(CASE)
    erasure = telling.topic[-1]
    assert (erasure.type, erasure.grant) == (ERASED, None)
    late = before[-1]._replace(grant=7, streamversion=1)
    outside = before[-1]._replace(grant=None, streamversion=1)
    script = Script([before, [erasure], [*before, late, outside, erasure]])
    report = copy.subscriber(script).run(until_idle=0)
    assert copy.held == {}
    assert copy.deleted("case") == [CASE]
    assert set(script.acknowledged) == {erasure.id}
    assert report.dropped == len(before) + 3


def test_a_case_that_was_never_held_is_deleted_all_the_same(telling: Telling, copy: Copy) -> None:
    told(telling)
    telling.erase(CASE)
    script = Script([[event for event in telling.topic if event.id in telling.requests()]])
    copy.subscriber(script).run(until_idle=0)
    assert sorted(copy.deleted("case")) == [CASE, OTHER]
    assert set(script.acknowledged) == telling.requests()


def test_a_grant_whose_ending_nobody_told_does_not_stay_beside_the_next(telling: Telling, copy: Copy) -> None:
    telling.happens(CASE, "/pulang/intake")
    telling.decide(CASE, "identified")
    telling.decide(CASE, "none")
    telling.decide(CASE, "identified")
    ending = next(event for event in telling.topic if (event.data or {}).get("deletion_requested"))
    untold = [event for event in telling.topic if event != ending]
    script = Script([untold], past=telling.told())
    copy.subscriber(script).run(until_idle=0)
    assert (script.asked_for, script.acknowledged) == ([CASE], [ending.id]), "the feed tells it"
    nobody = Copy()
    script = Script([untold], past=[event for event in telling.told() if event != ending])
    nobody.subscriber(script).run(until_idle=0)
    assert nobody.held == copy.held
    assert {grant for grant, _, _ in copy.held[CASE]} == {2}
    assert nobody.deleted("case") == [CASE]


def test_what_could_not_be_looked_up_is_looked_up_by_the_next_run(telling: Telling, copy: Copy) -> None:
    class WithoutPast(Script):
        async def history(self, subject: str) -> list[Event]:
            raise Refused("not today", 403)

    events = told(telling)
    batches = [[event for event in events if event != events[0]]]
    with pytest.raises(Refused, match="not today"):
        copy.subscriber(WithoutPast(batches)).run(until_idle=0)
    assert copy.held == {}
    script = Script(batches, past=telling.told())
    copy.subscriber(script).run(until_idle=0)
    assert script.asked_for == [CASE]
    whole = Copy()
    whole.subscriber(Script([events])).run(until_idle=0)
    assert copy.held == whole.held


def test_a_request_in_words_of_tomorrow_is_not_acknowledged(
    telling: Telling, copy: Copy, caplog: pytest.LogCaptureFixture
) -> None:
    telling.decide(CASE, "identified")
    (event,) = telling.topic
    script = Script([[event._replace(data={**(event.data or {}), "deletion_requested": "documents"})]])
    copy.subscriber(script).run(until_idle=0)
    assert script.acknowledged == []
    assert "not acknowledged" in caplog.text


def test_a_store_is_opened_again_where_it_was(tmp_path: Path, telling: Telling) -> None:
    events = told(telling)
    for end in range(1, len(events) + 1):
        store = SqliteStore(tmp_path / "copy.db", SCHEMA)
        script = Script([[event] for event in events[:end]])
        handlers = {ANY: hold}
        one = Subscriber(store, script, handlers, delete_case=delete_case, delete_identity=delete_identity)
        assert one.run(until_idle=0).taken == 1
        store.close()
