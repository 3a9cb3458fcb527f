"""`pulang rehearse` on one machine: something comes, is withdrawn, is erased."""

import shutil
from pathlib import Path

import orjson

from tests.system.command import Said, pulang, up


def told(data: Path, case: str) -> list[str]:
    """What IOM may see of a case."""
    said = pulang("watch", "iom", "--json", "--until-idle", "0.1", "--data", data)
    events = map(orjson.loads, said.out.splitlines())
    return [event["type"].removeprefix("pulang.case.") for event in events if event["subject"] == case]


def test_people_arrive_withdraw_and_are_erased(migrated_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(migrated_folder, data)

    def rehearse(*words: object, allowed: str = "yes") -> Said:
        return pulang("rehearse", *words, "--data", data, variables={"PULANG_REHEARSAL": allowed})

    with up(data):
        cases = rehearse("arrive", "iom", "--people", 2, "--level", "identified").out.split()
        assert len(set(cases)) == 2
        for case in cases:
            assert told(data, case) == ["registered.v1", "consent_changed.v1", "screened.v1"]
        assert rehearse("withdraw", "iom", cases[0]).out == f"{cases[0]}: iom is asked to delete it\n"
        assert told(data, cases[0]) == ["consent_changed.v1"]
        assert rehearse("erase", cases[1]).status == 0
        assert told(data, cases[1]) == ["erased.v1"]
        assert "PULANG_REHEARSAL" in rehearse("arrive", "iom", allowed="").line
        assert "#/decisions" in rehearse("arrive", "iom", "--level", "whole").line
        assert "404" in rehearse("withdraw", "iom", "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10").line
