"""A batch and its transaction: what a handler that raises, a full disk or another reader of the file make of it."""

import sqlite3
from pathlib import Path

import pytest

from pulang.subscriber import ANY, ERASED, Event, HandlerFailed, Refused, SqliteStore, Subscriber
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


def test_a_handler_that_raises_ends_the_run_and_what_came_before_stands(telling: Telling, copy: Copy) -> None:
    events = told(telling)
    script = Script([events])

    def broken(db: sqlite3.Connection, event: Event) -> None:
        hold(db, event)
        if event.source == "/pulang/shelter" and event.grant:
            raise LookupError("no such shelter")

    handlers = {ANY: broken}
    failing = Subscriber(copy.store, script, handlers, delete_case=delete_case, delete_identity=delete_identity)
    for _ in range(2):
        with pytest.raises(HandlerFailed, match=r"stay\.planned") as failed:
            failing.run(until_idle=0)
        assert isinstance(failed.value.__cause__, LookupError)
        assert failed.value.event == events[4]
        assert sum(len(keys) for keys in copy.held.values()) == 4
        assert copy.rows("SELECT * FROM pulang_subscriber WHERE kind = 'position'") == []
    copy.subscriber(script).run(until_idle=0)
    whole = Copy()
    whole.subscriber(Script([events])).run(until_idle=0)
    assert copy.held == whole.held


def test_a_deletion_that_fails_is_not_acknowledged(telling: Telling, copy: Copy) -> None:
    def cannot(db: sqlite3.Connection, case_id: str) -> None:
        raise PermissionError

    script = Script([told(telling)])
    failing = Subscriber(copy.store, script, {ANY: hold}, delete_case=cannot, delete_identity=delete_identity)
    with pytest.raises(HandlerFailed):
        failing.run(until_idle=0)
    assert script.acknowledged == []
    assert copy.owed == []
    copy.subscriber(script).run(until_idle=0)
    assert script.acknowledged == [events.id for events in telling.topic if events.id in telling.requests()]


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
