"""`pulang erasures`: two people erase a person on the command line, and the list outlives a restored folder."""

import json
import shutil
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.services.intake.erasing import left_of
from tests.system.command import pulang, up
from tests.world import running

pytestmark = pytest.mark.on_sqlite
SERVICES = ("intake", "shelter", "aid", "psychosocial", "exchange")


async def test_a_whole_folder_from_before_is_made_good_by_the_list(tmp_path: Path) -> None:
    """The bus came back with it: nothing but the list knows of the erasure."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    settings = Settings(data)
    async with running(settings) as at:
        await at.open_post()
        case = await at.register()
        await at.settled()
    shutil.copytree(data, tmp_path / "backup")
    where = ("--data", data)
    with up(data):
        nobody = pulang("erasures", "approve", case, *where)
        assert "Nobody asked" in nobody.line
        assert pulang("erasures", "request", case, *where).status == 0
        waiting = pulang("erasures", "list", "--status", "requested", *where)
        assert waiting.out == f"{case}: requested, requested\n"
        assert pulang("erasures", "approve", case, *where).status == 0
        listed = pulang("erasures", "list", "--json", *where)
        assert [one["status"] for one in listed.json()["items"]] == ["erased"]
    (tmp_path / "erasures.json").write_text(json.dumps(listed.json()))
    shutil.rmtree(data)
    shutil.copytree(tmp_path / "backup", data)

    (tmp_path / "other.json").write_text("[]")
    assert "is no list" in pulang("restore-check", "intake", "--erasures", tmp_path / "other.json", *where).line
    for service in SERVICES:
        said = pulang("restore-check", service, "--erasures", tmp_path / "erasures.json", *where)
        assert said.status == 0, said.err
    async with running(settings) as at:
        gone = await at.officer().get(f"/intake/cases/{case}/identity?purpose=handover")
        assert gone.status_code == 410
        assert set(left_of(at, case).values()) == {0}
        feed = (await at.reader("iom").get("/exchange/feed")).json()["events"]
        assert case not in {event["subject"] for event in feed}
