"""A page ends where the next begins, and a cursor is what the service gave out or nothing."""

import base64

from tests.world import Pulang


async def _manifest(pulang: Pulang, count: int) -> list[str]:
    await pulang.open_post()
    body = {
        "id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
        "arrival_point": "TNJ",
        "arrival_date": "2026-11-03",
        "rows": [{"row_key": f"{n}", "name": f"Contoh Nama {n}", "sex": "F"} for n in range(count)],
    }
    answer = await pulang.officer().done("/intake/manifests", body)
    return [row["case_id"] for row in answer["rows"]]


async def test_pages_hold_everything_once_while_others_write(pulang: Pulang) -> None:
    registered = await _manifest(pulang, 23)
    seen: list[str] = []
    path: str | None = "/intake/cases?limit=5&status=open"
    while path:
        answer = await pulang.officer().get(path)
        seen += [case["case_id"] for case in answer.json()["items"]]
        path = answer.links["next"]["url"] if "next" in answer.links else None
        assert (path is not None) is ("next" in answer.json())
        if len(seen) == 10:
            later = await pulang.register()

    assert seen == [*sorted(registered), later]


async def test_a_cursor_that_was_tampered_with_is_refused(pulang: Pulang) -> None:
    await _manifest(pulang, 5)
    cursor = (await pulang.officer().get("/intake/cases?limit=2")).json()["next"]
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    forged = [raw[:-3] + b'g"]', bytes([raw[0] ^ 1]) + raw[1:], raw[:8], raw[:8] + b"[1]", raw + b" ", b""]

    for one in forged:
        text = base64.urlsafe_b64encode(one).decode().rstrip("=")
        answer = await pulang.officer().get(f"/intake/cases?limit=2&after={text or 'A'}")
        assert answer.status_code == 422, one
        assert answer.json()["type"] == "/problems/cursor-unknown"
    assert (await pulang.officer().get(f"/intake/cases?limit=2&after={cursor}")).status_code == 200
