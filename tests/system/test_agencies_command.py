"""`pulang agencies` on one machine: who joins is told what consent allows, who leaves is told nothing."""

import shutil
from pathlib import Path

from tests.system.command import pulang, up

JOIN = ("agencies", "add", "dinsos", "--name", "Dinas Sosial", "--kind", "social_office")


def test_an_agency_joins_and_leaves(migrated_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(migrated_folder, data)
    with up(data):
        here = ("--data", data)
        assert "not in the exchange" in pulang("watch", "dinsos", "--until-idle", "0.1", *here).line
        assert pulang(*JOIN, *here).out == "agency dinsos: joined\n"
        assert pulang(*JOIN, *here).out == "nothing to change\n"
        assert "another policy" in pulang(*JOIN, "--withhold", "pulang.aid.issued.v1", *here).line
        assert pulang("watch", "dinsos", "--until-idle", "0.1", *here).status == 0
        listed = pulang("agencies", "list", "--json", *here).json()["items"]
        assert [one["agency"] for one in listed] == ["bp2mi", "dinsos", "iom", "kemensos"]
        assert pulang("agencies", "remove", "dinsos", *here).out == "agency dinsos: left\n"
        assert pulang("agencies", "remove", "dinsos", *here).out == "nothing to change\n"
        assert "dinsos: Dinas Sosial (social_office), has left" in pulang("agencies", "list", *here).out
        assert "has left" in pulang("watch", "dinsos", "--until-idle", "0.1", *here).line
        assert pulang(*JOIN, "--withhold", "pulang.aid.issued.v1", *here).out == "agency dinsos: joined\n"
        assert "no agency nobody" in pulang("agencies", "remove", "nobody", *here).line
        for wrong in ("exchange", "Iom", "*", "../x", "pulang"):
            assert "agency" in pulang("agencies", "add", wrong, "--name", "x", "--kind", "donor", *here).line
        refused = pulang("agencies", "add", "dinsos2", "--name", "x", "--kind", "Not A Kind", *here)
        assert "#/kind" in refused.line
