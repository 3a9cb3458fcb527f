"""What a counsellor writes: for the counsellor and their supervisor. No other role, no event, no file ever has it."""

import pytest

from services.psychosocial.schemas import NoteView
from shared.events.catalogue import FACTS
from shared.events.psychosocial import SessionRecorded
from tests.access.prepared import ALL_ROLES
from tests.services.psychosocial.care import APUS, NOTE, PINANG, counsellor, in_care, open_houses, session
from tests.world import Pulang


async def written(pulang: Pulang, facility: str = PINANG) -> str:
    """A session with a note, by the counsellor of the shelter; its id."""
    case = await in_care(pulang, shelter=facility)
    body = session(case, note=NOTE)
    await counsellor(pulang, facility).done("/psychosocial/sessions", {"sessions": [body]})
    await pulang.settled()
    return str(body["id"])


async def test_who_may_read_a_note(pulang: Pulang) -> None:
    await open_houses(pulang, PINANG, APUS)
    path = f"/psychosocial/sessions/{await written(pulang)}/note"
    who = {
        200: [
            counsellor(pulang),  # who wrote it
            counsellor(pulang, APUS),  # and works elsewhere now
            pulang.user("supervisor", "kemensos"),
            pulang.user("supervisor", "kemensos", PINANG),
            pulang.user("supervisor", "kemensos", APUS),  # answers for every shelter of the agency
        ],
        403: [
            counsellor(pulang, name="another"),  # in the same shelter
            counsellor(pulang, name="another", agency="iom"),
            pulang.user("supervisor", "iom", PINANG),  # lent to the shelter, which another agency runs
            pulang.user("supervisor", "bp2mi", PINANG),
        ],
        404: [
            counsellor(pulang, APUS, name="another"),
            counsellor(pulang, [], name="another"),  # type: ignore[arg-type]
            pulang.user("supervisor", "iom"),
            pulang.user("supervisor", "bp2mi", APUS),
        ],
    }
    for status, users in who.items():
        for number, user in enumerate(users):
            answer = await user.get(path)
            assert answer.status_code == status, f"{status}: {number}: {answer.text}"
            assert (NOTE in answer.text) is (status == 200)


async def test_every_other_role_is_turned_away_at_the_door(pulang: Pulang) -> None:
    """Also where it stands at the shelter, or sees everything else."""
    await open_houses(pulang, PINANG)
    path = f"/psychosocial/sessions/{await written(pulang)}/note"
    others = set(ALL_ROLES) - {"counsellor", "supervisor"}
    assert {name for name, role in ALL_ROLES.items() if "note.read" in role.permissions} == set(ALL_ROLES) - others
    for role in others:
        for user in (pulang.user(role, "kemensos", PINANG), pulang.user(role, "pulang"), pulang.user(role, "iom")):
            answer = await user.get(path)
            assert (answer.status_code, NOTE in answer.text) == (403, False), role


@pytest.mark.parametrize("role", ["reader", "integrator"])
async def test_no_agency_hears_it(pulang: Pulang, role: str) -> None:
    """Not even the one whose shelter it is, of a person who identified themselves to it: the feed has the session."""
    await open_houses(pulang, PINANG)
    case = await in_care(pulang)
    decisions = [{"agency": agency, "level": "identified"} for agency in ("kemensos", "iom", "bp2mi")]
    consent = {"decisions": decisions, "given_by": "person", "occurred_at": "2026-11-03"}
    await pulang.officer().done(f"/intake/cases/{case}/consents", consent)
    await counsellor(pulang).done("/psychosocial/sessions", {"sessions": [session(case, note=NOTE)]})
    await pulang.settled()
    for agency in ("kemensos", "iom", "bp2mi"):
        answer = await pulang.user(role, agency).get("/exchange/feed", params={"limit": "1000"})
        assert SessionRecorded.TYPE in answer.text
        assert NOTE not in answer.text
        assert "note" not in answer.json()["events"][-1].get("data", {})


def test_no_fact_has_a_place_for_it() -> None:
    written = set(NoteView.model_fields) - {"session_id"}
    assert written == {"note"}
    for name, fact in FACTS.items():
        assert not {"note", "text", "answer", "answers", "score"} & set(fact.model_fields), name
    assert set(SessionRecorded.model_fields) == {"session", "layer", "kind", "on"}


async def test_in_no_file_of_the_data_folder_does_it_stand_in_clear(pulang: Pulang) -> None:
    await open_houses(pulang, PINANG)
    await written(pulang)
    files = [path for path in pulang.settings.data.rglob("*") if path.is_file()]
    assert len(files) > 10
    words = [part.encode() for part in (NOTE, "mimpi buruk")]
    assert [path.name for path in files if any(word in path.read_bytes() for word in words)] == []
