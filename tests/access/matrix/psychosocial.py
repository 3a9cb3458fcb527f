"""Psychosocial: who may do what. What a counsellor writes has a test of its own: tests/access/test_notes.py."""

from tests.access.matrix.row import EMPTY, NEW, Row, ask, row
from tests.access.prepared import DAY, DAYS, NOTE, new_id

CARE = "counsellor supervisor"

ROWS: dict[str, Row] = {
    "POST /psychosocial/sessions": row(
        "counsellor",
        lambda it: ask(
            {
                "sessions": [
                    {"id": new_id(), "case_id": it.case, "layer": 2, "kind": "individual", "on": DAY, "note": NOTE}
                ]
            }
        ),
        {"body.sessions.id": NEW, "body.sessions.case_id": 404},
    ),
    "GET /psychosocial/sessions": row(
        CARE,
        lambda it: ask(query={"case_id": it.case, "facility": it.shelter}),
        {"query.case_id": EMPTY, "query.facility": EMPTY},
    ),
    "GET /psychosocial/sessions/{session_id}/note": row(
        CARE, lambda it: ask(session_id=it.session), {"path.session_id": 404}
    ),
    "GET /psychosocial/worklist": row(CARE, lambda it: ask(query={"facility": it.shelter}), {"query.facility": EMPTY}),
    "GET /psychosocial/figures": row("shelter_staff aid_officer supervisor administrator", lambda it: ask(query=DAYS)),
}
