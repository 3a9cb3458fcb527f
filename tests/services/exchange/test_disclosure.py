"""Who sees what: every type of event, at every level, for agencies that stand differently towards its places."""

from typing import Annotated, ClassVar

import pytest
from pydantic import BaseModel

from services.exchange.directory import opaque_id
from services.exchange.disclosure import Level, disclose
from services.exchange.redaction import compile_plan
from shared.events.envelope import Event
from shared.events.exchange import Withheld
from shared.events.fact import Fact, Mark, PlaceId
from shared.events.intake import CaseErased, CaseScreened, ConsentChanged
from tests.services.exchange.samples import (
    ALERT,
    CASE_TYPES,
    KEY,
    OPERATIONS_TYPES,
    TYPES,
    agency,
    golden,
    places_in,
    with_data,
)

SEEN_BY_GIVERS = {
    "pulang.donation.pledged.v1",
    "pulang.donation.received.v1",
    "pulang.request.approved.v1",
    "pulang.request.rejected.v1",
    "pulang.request.submitted.v1",
    "pulang.shipment.dispatched.v1",
    "pulang.shipment.received.v1",
    "pulang.stock.adjusted.v1",
    "pulang.stock.low.v1",
}
"""Operations of a store; occupancy, inspections and manifests are not the giver's business."""
NOT_SHOWN_ALIKE = {ConsentChanged.TYPE, CaseScreened.TYPE, CaseErased.TYPE}


def assert_stub(told: Event | None, event: Event) -> None:
    """All required attributes, and nothing else."""
    assert told is not None
    assert told.type == Withheld.TYPE
    assert told.data is None
    assert (told.id, told.source, told.time, told.recordedtime, told.streamversion, told.grant) == (
        event.id,
        event.source,
        event.time,
        event.recordedtime,
        event.streamversion,
        event.grant,
    )
    assert (told.correlationid, told.causationid, told.traceparent) == (None, None, None)


@pytest.mark.parametrize("event_type", CASE_TYPES)
@pytest.mark.parametrize("level", ["pseudonymous", "identified"])
def test_a_case_event_goes_to_who_has_consent(event_type: str, level: Level) -> None:
    event = golden(event_type)._replace(grant=3)
    told = disclose(agency("bp2mi", runs=set(places_in(event).values())), event, level, level)
    assert told is not None
    if event_type not in NOT_SHOWN_ALIKE:
        assert told == event


@pytest.mark.parametrize("event_type", sorted({*TYPES} - {CaseErased.TYPE}))
def test_without_consent_there_is_nothing(event_type: str) -> None:
    assert disclose(agency(), golden(event_type), "none", "none") is None


@pytest.mark.parametrize("event_type", CASE_TYPES)
def test_places_of_others_are_opaque_in_a_case(event_type: str) -> None:
    event = golden(event_type)
    places = places_in(event)
    told = disclose(agency("iom", provinces=dict.fromkeys(places.values(), "21")), event, "identified", "identified")
    assert told is not None
    assert told.subject == event.subject
    for field, place in places.items():
        assert told.data is not None
        assert told.data[field] == opaque_id(KEY, "iom", place)
        assert told.data[f"{field}_province"] == "21"


def test_a_province_that_few_places_share_is_not_told() -> None:
    event = golden("pulang.stay.checked_in.v1")
    told = disclose(agency(provinces={}), event, "identified", "identified")
    assert told is not None
    assert "facility_province" not in (told.data or {})


def test_a_place_in_clear_has_no_province_beside_it() -> None:
    event = golden("pulang.stay.checked_in.v1")
    place = places_in(event)["facility"]
    told = disclose(agency(runs={place}, provinces={place: "21"}), event, "identified", "identified")
    assert told is not None
    assert "facility_province" not in (told.data or {})


@pytest.mark.parametrize("event_type", OPERATIONS_TYPES)
def test_operations_go_to_who_runs_the_place(event_type: str) -> None:
    event = golden(event_type)
    for field, place in places_in(event).items():
        told = disclose(agency(runs={place}), event, "public", "public")
        assert told is not None
        assert told.type == event_type, field
        assert (told.data or {})[field] == place


@pytest.mark.parametrize("event_type", OPERATIONS_TYPES)
def test_operations_of_others_are_stubs(event_type: str) -> None:
    event = with_data(golden(event_type), donor_agency=None)
    told = disclose(agency(runs={"ELSEWHERE"}, gave_to={"ELSEWHERE"}), event, "public", "public")
    assert_stub(told, event)
    assert told is not None
    places = set(places_in(event).values())
    assert told.subject == (opaque_id(KEY, "iom", event.subject) if event.subject in places else event.subject)


@pytest.mark.parametrize("event_type", OPERATIONS_TYPES)
def test_operations_of_a_store_go_to_who_gave_to_it_under_an_opaque_name(event_type: str) -> None:
    event = with_data(golden(event_type), donor_agency=None)
    places = set(places_in(event).values())
    told = disclose(agency(gave_to=places), event, "public", "public")
    assert told is not None
    assert (told.type == event_type) == (event_type in SEEN_BY_GIVERS)
    assert not places & set((told.data or {}).values())
    assert told.subject not in places


def test_a_donation_goes_to_its_donor_before_the_store_has_it() -> None:
    event = with_data(golden("pulang.donation.pledged.v1"), donor_agency="iom")
    told = disclose(agency("iom"), event, "public", "public")
    assert told is not None
    assert told.type == event.type
    assert_stub(disclose(agency("unhcr"), event, "public", "public"), event)


def test_one_of_two_places_in_clear() -> None:
    event = golden("pulang.shipment.dispatched.v1")
    data = event.data or {}
    told = disclose(agency("iom", runs={data["from_store"]}), event, "public", "public")
    assert told is not None
    assert (told.data or {})["from_store"] == data["from_store"]
    assert (told.data or {})["to_store"] == opaque_id(KEY, "iom", data["to_store"])


@pytest.mark.parametrize("event_type", TYPES)
def test_what_the_model_does_not_name_is_stripped(event_type: str) -> None:
    """A newer publisher may say more: guilty until marked."""
    event = with_data(golden(event_type), nick_name="Contoh", nested={"name": "Contoh"}, facility_province="99")
    view = agency("iom", runs=set(places_in(event).values()))
    for level in ("public", "identified"):
        told = disclose(view, event, level, level)
        assert told is not None
        assert not {"nick_name", "nested", "facility_province"} & set(told.data or {})


@pytest.mark.parametrize("event_type", TYPES)
def test_an_object_in_place_of_a_plain_value_is_stripped(event_type: str) -> None:
    event = golden(event_type)
    view = agency("iom", runs=set(places_in(event).values()))
    for field, value in (event.data or {}).items():
        if not isinstance(value, list):
            told = disclose(view, with_data(event, **{field: {"name": "Contoh"}}), "identified", "identified")
            assert told is not None
            assert field not in (told.data or {})


def test_needs_stay_between_the_services() -> None:
    event = golden(CaseScreened.TYPE)
    told = disclose(agency(), event, "identified", "identified")
    assert told is not None
    assert set(told.data or {}) == set(event.data or {}) - {"needs", "care_layer"}


@pytest.mark.parametrize("level", ["pseudonymous", "identified", "public"])
def test_a_type_from_the_future_is_a_stub(level: Level) -> None:
    event = golden("pulang.case.closed.v1")._replace(type="pulang.case.inspired.v1", grant=1)
    assert_stub(disclose(agency(), event, level, level), event)


def test_what_policy_withholds_is_a_stub() -> None:
    event = golden("pulang.psychosocial.session_recorded.v1")._replace(type=ALERT)
    assert_stub(disclose(agency(), event, "identified", "identified"), event)
    session = golden("pulang.psychosocial.session_recorded.v1")
    assert_stub(disclose(agency(withheld={session.type}), session, "identified", "identified"), session)


def test_a_stub_of_an_unknown_type_names_no_place() -> None:
    event = golden("pulang.occupancy.changed.v1")._replace(type="pulang.facility.painted.v1")
    told = disclose(agency(), event, "public", "public")
    assert told is not None
    assert told.subject == opaque_id(KEY, "iom", event.subject)


def test_a_cause_that_names_a_place_is_renamed() -> None:
    event = golden("pulang.case.closed.v1")._replace(causationid="RPTC-BAMBU-APUS", correlationid="RPTC-BAMBU-APUS")
    told = disclose(agency(), event, "identified", "identified")
    assert told is not None
    assert told.causationid == told.correlationid == opaque_id(KEY, "iom", "RPTC-BAMBU-APUS")


def test_an_event_on_the_wrong_topic_is_a_stub() -> None:
    stay, occupancy = golden("pulang.stay.checked_in.v1"), golden("pulang.occupancy.changed.v1")
    assert_stub(disclose(agency(runs=set(places_in(stay).values())), stay, "public", "public"), stay)
    assert_stub(disclose(agency(), occupancy, "identified", "identified"), occupancy)


def consent(*decisions: tuple[str, str]) -> Event:
    return with_data(
        golden(ConsentChanged.TYPE),
        decisions=[{"agency": name, "status": "given", "level": level} for name, level in decisions],
    )


@pytest.mark.parametrize(
    ("before", "after", "deletion"),
    [
        ("none", "pseudonymous", None),
        ("none", "identified", None),
        ("pseudonymous", "identified", None),
        ("identified", "identified", None),
        ("identified", "pseudonymous", "identity"),
        ("identified", "none", "case"),
        ("pseudonymous", "none", "case"),
    ],
)
def test_a_change_of_consent(before: Level, after: Level, deletion: str | None) -> None:
    told = disclose(agency("iom"), consent(("kemensos", "identified"), ("iom", after)), before, after)
    assert told is not None
    assert told.type == ConsentChanged.TYPE
    assert [decision["agency"] for decision in (told.data or {})["decisions"]] == ["iom"]
    assert (told.data or {}).get("deletion_requested") == deletion


def test_what_the_person_told_another_agency_is_a_stub() -> None:
    event = consent(("kemensos", "identified"), ("bp2mi", "none"))
    assert_stub(disclose(agency("iom"), event, "pseudonymous", "pseudonymous"), event)


def test_an_earlier_ending_or_refusal_is_a_stub_in_a_later_grant() -> None:
    event = consent(("iom", "none"))
    assert_stub(disclose(agency("iom"), event, "identified", "identified"), event)


def test_a_refusal_before_any_grant_shows_nothing() -> None:
    assert disclose(agency("iom"), consent(("iom", "none")), "none", "none") is None


def test_consent_cannot_be_withheld_by_policy() -> None:
    told = disclose(agency("iom", withheld={ConsentChanged.TYPE}), consent(("iom", "none")), "identified", "none")
    assert told is not None
    assert (told.data or {})["deletion_requested"] == "case"


@pytest.mark.parametrize("before", ["none", "pseudonymous", "identified", "public"])
@pytest.mark.parametrize("after", ["none", "pseudonymous", "identified", "public"])
def test_an_erasure_is_told_at_every_level_outside_of_grants(before: Level, after: Level) -> None:
    """Neither policy nor a newer publisher's fields change that."""
    event = with_data(golden(CaseErased.TYPE), name="Contoh")._replace(grant=3)
    told = disclose(agency("iom", withheld={CaseErased.TYPE}), event, before, after)
    assert told is not None
    assert (told.type, told.subject, told.grant, told.data) == (CaseErased.TYPE, event.subject, None, {})
    assert (told.id, told.source, told.streamversion) == (event.id, event.source, event.streamversion)


class Guest(BaseModel):
    """Somebody in a nested model."""

    place: PlaceId
    note: Annotated[str, Mark.INTERNAL]


class Visited(Fact):
    """A fact that has marks in every place where one may stand."""

    TYPE: ClassVar[str] = "pulang.test.visited.v1"

    place: PlaceId | None = None
    places: tuple[PlaceId, ...] = ()
    guests: list[Guest] = []
    guest: Guest | None = None
    anything: dict[str, str] = {}
    secret: Annotated[Guest | None, Mark.INTERNAL] = None


def test_marks_count_at_every_depth() -> None:
    guest = {"place": "RPTC-A", "note": "Contoh", "name": "Contoh"}
    data = {
        "place": "RPTC-A",
        "places": ["RPTC-A", "RPTC-B"],
        "guests": [guest],
        "guest": guest,
        "anything": {"name": "Contoh"},
        "secret": guest,
    }
    left = compile_plan(Visited).redact(data, str.lower, lambda _: None)
    assert left == {
        "place": "rptc-a",
        "places": ["rptc-a", "rptc-b"],
        "guests": [{"place": "rptc-a"}],
        "guest": {"place": "rptc-a"},
    }
