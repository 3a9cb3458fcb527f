"""Nothing personal that was typed in anywhere stands anywhere but in sealed columns."""

import asyncio

import pytest

from tests.canary.embedded import BROKEN, Embedded
from tests.canary.finding import Search
from tests.canary.walk import AGENCIES

HOLD = {
    "answers": "marks words",
    "streams": "words",
    "webhooks": "words",
    "traces": "words",
    "commands": "words",
    "logs": "words",
    "files": "marks words",
    "rows": "marks words",
    "topics": "words",
}
"""What is known to stand in each kind of thing: public marks that were typed in, or codes of places and routes."""


@pytest.fixture(scope="module")
def search(walked: Embedded) -> Search:
    return asyncio.run(walked.everything())


def test_no_mark_stands_anywhere(search: Search) -> None:
    if search.found:
        pytest.fail(search.report(), pytrace=False)


def test_every_text_of_every_route_was_marked_and_taken(walked: Embedded) -> None:
    """Else the search would be for what never came in."""
    assert walked.walk.not_taken() == []
    assert len(walked.marks.origins) > 4_500


def test_the_search_finds_what_is_public(walked: Embedded, search: Search) -> None:
    """The other side of it: in whatever holds events and rows, the names of places and goods are found."""
    planted = {place for place in walked.marks.public.values() if " body " in place}
    assert search.public["rows"] >= planted
    assert search.blind(HOLD) == []


def test_each_agency_heard_of_the_erasure(walked: Embedded) -> None:
    """So no webhook's body was still to come when they were looked through."""
    for agency in AGENCIES:
        told = {
            one.type for one in walked.receiver.heard if one.path == f"/{agency}" and one.subject == walked.walk.erased
        }
        assert "case.erased" in told, agency


def test_the_faults_happened(walked: Embedded) -> None:
    assert walked.broken >= sum(len(tables) for tables in BROKEN.values())
    statuses = {one.status for one in walked.walk.remote.answers}
    assert {200, 201, 202, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 500} - statuses <= {405, 413}
