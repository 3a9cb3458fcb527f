"""With the real services: one person's way, as three agencies follow it."""

from typing import Any

import pytest

from tests.world import Pulang

YEAR = {"from": "2026-01-01", "until": "2026-12-31"}
SHELTER = "RPTC-TANJUNG-PINANG"


async def feed(pulang: Pulang, agency: str) -> list[dict[str, Any]]:
    answer = await pulang.reader(agency).get("/exchange/feed", params={"limit": 1000})
    assert answer.status_code == 200, answer.text
    events: list[dict[str, Any]] = answer.json()["events"]
    return events


@pytest.mark.either_database
async def test_three_agencies_follow_one_person(pulang: Pulang) -> None:
    await pulang.open_post()
    await pulang.open_shelter()
    case = await pulang.register()
    officer = pulang.officer()
    await officer.done(
        f"/intake/cases/{case}/consents",
        {
            "decisions": [
                {"agency": agency, "status": "given", "level": level}
                for agency, level in (("iom", "pseudonymous"), ("bp2mi", "identified"), ("kemensos", "identified"))
            ],
            "given_by": "person",
            "language": "id",
            "witness": "Contoh Saksi",
            "occurred_at": "2026-11-03",
        },
    )
    await officer.done("/intake/referrals", {"facility": SHELTER, "cases": [case], "occurred_at": "2026-11-03"})
    await pulang.settled()
    told = {agency: [e for e in await feed(pulang, agency) if e["subject"] == case] for agency in ("iom", "bp2mi")}
    assert [event["id"] for event in told["iom"]] == [event["id"] for event in told["bp2mi"]]
    assert [event["streamversion"] for event in told["iom"]] == [1, 2, 3]
    assert told["bp2mi"][0]["data"]["arrival_point"] == "TNJ"
    assert told["iom"][0]["data"]["arrival_point"].startswith("place-")
    for agency in ("iom", "bp2mi", "kemensos"):
        text = (await pulang.reader(agency).get("/exchange/feed")).text
        assert "Contoh" not in text
        assert "1990-05-17" not in text
    ours = (await pulang.administrator.get("/exchange/indicators", params=YEAR)).json()
    theirs = (await pulang.administrator.get("/intake/figures", params=YEAR)).json()
    assert {key: ours[key] for key in theirs} == theirs
