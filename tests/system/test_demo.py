"""The main job, on the first weeks of the example: up, replay, compare; then three agencies look at it."""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.system.command import Said, demo, pulang, up
from tests.system.feeds import (
    AGENCIES,
    Secrets,
    Seen,
    check_each_is_a_cloudevent,
    check_once_and_without_a_gap,
    count,
    histories,
    watch,
)
from tests.system.seasons import totals, weeks

PEOPLE = 60


class Played:
    """A demo that has been, and what came of it."""

    def __init__(self, folder: Path) -> None:
        self.season = weeks(folder / "season", 3, every=4)
        self.data = folder / "data"
        self.said = demo(self.season, self.data)
        self.copy = folder / "copy"
        shutil.copytree(self.data, self.copy)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return Played(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def watched(played: Played) -> Iterator[dict[str, Seen]]:
    with up(played.data):
        yield {agency: watch(agency, "--data", played.data)[0] for agency in AGENCIES}


def test_the_figures_are_the_expected_ones(played: Played) -> None:
    assert played.said.status == 0, played.said.err
    told = played.said.json()
    assert told["differences"] == []
    assert told["figures"] == totals(played.season)
    assert told["figures"]["cases"] >= PEOPLE
    assert set(told) == {"figures", "differences", "events", "requests", "seconds"}
    assert told["events"] > told["requests"] > told["figures"]["cases"]
    assert len(played.said.out.splitlines()) == 1


def test_a_second_demo_finds_everything_there(played: Played) -> None:
    first, again = played.said.json(), demo(played.season, played.data)
    assert again.status == 0, again.err
    second = again.json()
    assert second["figures"] == first["figures"]
    assert second["events"] == first["events"], "something was told twice"
    assert second["requests"] < first["requests"] / 4


def test_three_agencies_see_the_same_histories_whole(played: Played, watched: dict[str, Seen]) -> None:
    seen = {agency: histories(events) for agency, events in watched.items()}
    assert seen["kemensos"] == seen["bp2mi"] == seen["iom"]
    assert len(seen["iom"]) == played.said.json()["figures"]["cases"]
    for events in watched.values():
        check_once_and_without_a_gap(events)
        check_each_is_a_cloudevent(events)
        for fact in ("case.registered", "case.screened", "case.consent_changed", "stay.checked_in", "aid.issued"):
            assert count(events, fact) == len(seen["iom"]), fact


def test_no_agency_learns_what_another_was_told(watched: dict[str, Seen]) -> None:
    for agency, events in watched.items():
        decisions = [
            decision
            for event in events
            if event["type"] == "pulang.case.consent_changed.v1"
            for decision in event["data"]["decisions"]
        ]
        assert {decision["agency"] for decision in decisions} == {agency}


def test_nothing_of_a_person_stands_anywhere_in_clear(played: Played, watched: dict[str, Seen]) -> None:
    secrets = Secrets(played.season)
    assert secrets.found_in((played.season / "caseload.csv").read_bytes().replace(b",", b" , ")) > PEOPLE
    for events in watched.values():
        assert secrets.found_in(orjson.dumps(events)) == 0
    assert secrets.in_files(played.data) == {}
    assert secrets.found_in((played.said.out + played.said.err).encode()) == 0


def test_a_subscriber_goes_on_after_its_cursor(played: Played, watched: dict[str, Seen]) -> None:
    """The cursor of the end gives nothing; the event feed as people read it has a line an event."""
    events, cursor = watch("iom", "--data", played.data)
    assert events == watched["iom"]
    assert watch("iom", "--data", played.data, after=cursor) == ([], cursor)
    assert watch("iom", "--data", played.data, after=f"cursor: {cursor}") == ([], cursor)
    readable = pulang("watch", "iom", "--until-idle", 0, "--data", played.data)
    assert len(readable.out.splitlines()) == len(events)


def test_a_figure_that_differs_is_told(played: Played, watched: dict[str, Seen], tmp_path: Path) -> None:
    """The same season with other expectations: status 1, and the differences of both sources."""
    season = tmp_path / "season"
    season.mkdir()
    for file in played.season.iterdir():
        (season / file.name).write_bytes(file.read_bytes())
    expected = season / "expected.json"
    cases = played.said.json()["figures"]["cases"]
    expected.write_text(expected.read_text().replace(f'"cases": {cases}', '"cases": 1'))
    said: Said = demo(season, played.data, "--url", (played.data / "url").read_text().strip())
    assert said.status == 1
    assert said.json()["differences"] == [
        {"figure": "cases", "source": source, "expected": 1, "actual": cases} for source in ("exchange", "intake")
    ]


def test_an_event_log_that_was_edited_is_found(played: Played) -> None:
    """Somebody rewrites why a person left, in the file itself."""
    data = played.copy
    with contextlib.closing(sqlite3.connect(data / "shelter.db")) as log, log:
        changed = log.execute(
            "UPDATE events SET payload = CAST(replace(CAST(payload AS TEXT), 'return_home', 'left') AS BLOB)"
            " WHERE position = (SELECT min(position) FROM events WHERE type LIKE '%checked_out%')"
        )
        assert changed.rowcount == 1
    with up(data):
        said = pulang("status", "--verify", "--json", "--data", data)
        assert said.status == 1
        broken = {one["service"]: len(one["chains"]["broken"]) for one in said.json()["services"]}
        assert broken == {"intake": 0, "shelter": 1, "aid": 0, "psychosocial": 0, "exchange": 0}
        assert "shelter" in said.line
        assert pulang("status", "--data", data).status == 0
