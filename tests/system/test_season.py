"""The whole season of 2020, once, and what every reader may and may not find in it afterwards."""

from pathlib import Path

import orjson
import pytest

from tests.system.command import demo, pulang, up
from tests.system.feeds import (
    Secrets,
    by_agency,
    check_each_is_a_cloudevent,
    check_once_and_without_a_gap,
    histories,
    watch,
)
from tests.system.seasons import EXAMPLE, totals

pytestmark = pytest.mark.season


def test_the_season_of_2020(tmp_path: Path) -> None:
    data = tmp_path / "data"
    said = demo(EXAMPLE, data, timeout=1800)
    assert said.status == 0, said.err
    told = said.json()
    assert told["differences"] == []
    assert told["figures"] == totals(EXAMPLE)
    secrets = Secrets(EXAMPLE)
    with up(data):
        seen = {}
        for agency, events in by_agency(lambda agency: watch(agency, "--data", data)[0]).items():
            check_once_and_without_a_gap(events)
            check_each_is_a_cloudevent(events)
            assert secrets.found_in(orjson.dumps(events)) == 0
            seen[agency] = histories(events)
        assert pulang("status", "--verify", "--data", data).status == 0
    assert seen["kemensos"] == seen["bp2mi"] == seen["iom"]
    assert len(seen["iom"]) == 4497
    assert secrets.in_files(data) == {}
