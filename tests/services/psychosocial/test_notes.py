"""What a counsellor wrote: sealed, and opened for few."""

from tests.services.psychosocial.care import APUS, NOTE, counsellor, in_care, new_id, open_houses, session
from tests.world import Pulang


async def written(pulang: Pulang) -> str:
    """A session with a note; its id."""
    await open_houses(pulang)
    one = session(await in_care(pulang), note=NOTE)
    await counsellor(pulang).done("/psychosocial/sessions", {"sessions": [one]})
    return str(one["id"])


def audited(pulang: Pulang) -> list[tuple[str, str, str]]:
    query = "SELECT actor, subject, outcome FROM audit WHERE action = 'note.read' ORDER BY position"
    return [(actor, subject, outcome) for actor, subject, outcome in pulang.rows("psychosocial", query)]


async def test_the_writer_and_the_supervisor_read_it_and_every_read_is_noted(pulang: Pulang) -> None:
    written_id = await written(pulang)
    path = f"/psychosocial/sessions/{written_id}/note"
    answer = await counsellor(pulang).get(path)
    assert (answer.status_code, answer.json()) == (200, {"session_id": written_id, "note": NOTE})
    assert answer.headers["cache-control"] == "no-store"
    assert (await pulang.user("supervisor", "kemensos", subject="contoh-supervisor").get(path)).json()["note"] == NOTE
    assert audited(pulang) == [
        ("contoh-konselor", written_id, "done"),
        ("contoh-supervisor", written_id, "done"),
    ]


async def test_everyone_else_is_refused_and_every_refusal_is_noted(pulang: Pulang) -> None:
    written_id = await written(pulang)
    await pulang.open_shelter(APUS)
    path = f"/psychosocial/sessions/{written_id}/note"
    refusals = [
        (counsellor(pulang, name="rekan"), 403),
        (counsellor(pulang, APUS, "jauh"), 404),
        (pulang.user("supervisor", "bp2mi", subject="supervisor-lain"), 404),
    ]
    for user, status in refusals:
        refused = await user.get(path)
        assert refused.status_code == status
        assert NOTE not in refused.text
    unknown = new_id()
    assert (await counsellor(pulang).get(f"/psychosocial/sessions/{unknown}/note")).status_code == 404
    assert (await pulang.administrator.get(path)).status_code == 403
    assert audited(pulang) == [
        ("rekan", written_id, "refused"),
        ("jauh", written_id, "refused"),
        ("supervisor-lain", written_id, "refused"),
        ("contoh-konselor", unknown, "refused"),
    ]


async def test_a_note_is_nowhere_in_clear_on_disk(pulang: Pulang) -> None:
    written_id = await written(pulang)
    body = {"sessions": [session(await in_care(pulang), note=NOTE)]}
    keyed = await counsellor(pulang).post("/psychosocial/sessions", body, headers={"Idempotency-Key": "once"})
    assert keyed.status_code == 201
    await counsellor(pulang).get(f"/psychosocial/sessions/{written_id}/note")
    await pulang.settled()
    for path in pulang.settings.data.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"mimpi buruk" not in content, path
            assert b"Catatan rahasia" not in content, path


async def test_each_case_has_a_key_of_its_own_taken_once(pulang: Pulang) -> None:
    await open_houses(pulang)
    cases = [await in_care(pulang) for _ in range(2)]
    for _ in range(2):
        body = {"sessions": [session(case, note=NOTE) for case in cases]}
        await counsellor(pulang).done("/psychosocial/sessions", body)
    rows = pulang.rows("psychosocial", "SELECT case_id, key_id FROM case_keys")
    notes = {note for (note,) in pulang.rows("psychosocial", "SELECT note FROM sessions")}
    assert sorted(case for case, _ in rows) == sorted(cases)
    assert len({key for _, key in rows}) == 2
    assert len(notes) == 4
