"""What holds for whatever an event says and whoever asks."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.exchange.disclosure import AgencyView, Level, disclose
from services.exchange.redaction import plan_of
from services.exchange.rules import Standing, Step, levels_at_sending
from shared.events.envelope import Event
from shared.events.exchange import Withheld
from shared.events.intake import CaseErased, CaseScreened, ConsentChanged
from tests.services.exchange.samples import TYPES, agency, golden, places_in

PLACES = ("RPTC-A", "RPTC-B", "POST-C", "GUDANG-D")
AGENCIES = ("iom", "kemensos", "bp2mi")
LEVELS: tuple[Level, ...] = ("none", "pseudonymous", "identified")

places = st.sets(st.sampled_from(PLACES))
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


@st.composite
def views(draw: st.DrawFn) -> AgencyView:
    return agency(
        draw(st.sampled_from(AGENCIES)),
        runs=draw(places),
        gave_to=draw(places),
        provinces=draw(st.dictionaries(st.sampled_from(PLACES), st.just("21"))),
        withheld=draw(st.sets(st.sampled_from(TYPES), max_size=3)),
    )


@st.composite
def events(draw: st.DrawFn) -> Event:
    """A golden event with other places, other decisions, and fields that nobody knows."""
    event = golden(draw(st.sampled_from(TYPES)))
    data: dict[str, Any] = dict(event.data or {})
    subject = event.subject
    for field, place in places_in(event).items():
        data[field] = draw(st.sampled_from(PLACES))
        subject = data[field] if place == event.subject else subject
    if event.type == ConsentChanged.TYPE:
        decision = st.fixed_dictionaries(
            {"agency": st.sampled_from(AGENCIES), "level": st.sampled_from(LEVELS), "status": st.just("given")},
            optional={"name": st.text(max_size=8)},
        )
        data["decisions"] = draw(st.lists(decision, max_size=4))
    data |= draw(st.dictionaries(st.text(max_size=8), anything, max_size=2))
    return event._replace(subject=subject, causationid=draw(st.sampled_from((None, *PLACES))), data=data)


def rank(told: Event | None) -> int:
    """Nothing, a stub, an event."""
    return 0 if told is None else 1 if told.type == Withheld.TYPE else 2


@given(views(), events(), st.sampled_from(LEVELS), st.sampled_from(LEVELS))
def test_a_higher_level_never_shows_less(view: AgencyView, event: Event, one: Level, other: Level) -> None:
    low, high = sorted((one, other), key=LEVELS.index)
    less, more = disclose(view, event, low, low), disclose(view, event, high, high)
    assert rank(less) <= rank(more)
    if less is not None and more is not None and rank(less) == rank(more):
        assert set(less.data or {}) <= set(more.data or {})


@given(views(), events(), st.sampled_from(LEVELS), st.sampled_from((None, 1, 4)))
def test_at_none_there_is_only_the_request_that_ends_a_grant_and_the_erasure(
    view: AgencyView, event: Event, before: Level, grant: int | None
) -> None:
    told = disclose(view, event._replace(grant=grant), before, "none")
    if told is None:
        assert event.type != CaseErased.TYPE
    elif told.type == CaseErased.TYPE:
        assert (told.grant, told.data) == (None, {})
    else:
        assert (told.type, before != "none", told.grant) == (ConsentChanged.TYPE, True, grant)
        assert (told.data or {})["deletion_requested"] == "case"


levels_of_rules = st.sampled_from(("none", "pseudonymous", "identified"))
steps = st.none() | st.builds(Step, st.just(1), st.just("iom"), levels_of_rules, levels_of_rules, st.integers(1, 4))


@given(st.integers(0, 4), levels_of_rules, st.integers(0, 4), steps)
def test_of_an_erased_case_no_row_has_a_level(grant: int, level: Any, last: int, step: Step | None) -> None:
    assert levels_at_sending(grant, Standing(level, last, erased=True), step) == ("none", "none")


@given(views(), events(), st.sampled_from((*LEVELS, "public")), st.sampled_from((*LEVELS, "public")))
def test_no_place_of_others_in_clear(view: AgencyView, event: Event, before: Level, after: Level) -> None:
    told = disclose(view, event, before, after)
    if told is not None:
        body = told.to_bytes().decode()
        for place in set(PLACES) - view.runs:
            assert f'"{place}"' not in body


@given(views(), events(), st.sampled_from((*LEVELS, "public")), st.sampled_from((*LEVELS, "public")))
def test_only_fields_of_the_model_and_none_that_is_internal(
    view: AgencyView, event: Event, before: Level, after: Level
) -> None:
    told = disclose(view, event, before, after)
    if told is None or told.data is None:
        return
    plan = plan_of(event.type)
    assert plan is not None
    assert {field.removesuffix("_province") for field in told.data} <= set(plan.fact.model_fields)
    if event.type == CaseScreened.TYPE:
        assert not {"needs", "care_layer"} & set(told.data)


@given(views(), events(), st.sampled_from(LEVELS), st.sampled_from(LEVELS))
def test_an_agency_reads_its_own_consent_alone(view: AgencyView, event: Event, before: Level, after: Level) -> None:
    told = disclose(view, event, before, after)
    if told is not None and told.type == ConsentChanged.TYPE:
        assert {decision["agency"] for decision in (told.data or {})["decisions"]} == {view.agency}
        own = (told.data or {})["decisions"][-1]
        assert (own["level"] == "none") == (told.data or {}).get("deletion_requested", "").startswith("case")


@given(views(), events(), st.sampled_from((*LEVELS, "public")), st.sampled_from((*LEVELS, "public")))
def test_versions_stay_gapless(view: AgencyView, event: Event, before: Level, after: Level) -> None:
    """Where something may be seen at all, an event or a stub stands for every version, under one subject."""
    told = disclose(view, event, before, after)
    if after in ("pseudonymous", "identified", "public"):
        assert told is not None
    if told is not None:
        assert (told.source, told.streamversion, told.id) == (event.source, event.streamversion, event.id)
        other = disclose(view, event._replace(type="pulang.unknown.v1"), before, after)
        if other is not None:
            assert other.subject == told.subject


@given(
    st.text(max_size=20),
    st.dictionaries(st.text(max_size=12), anything, max_size=4),
    st.sampled_from(TYPES),
    st.sampled_from((*LEVELS, "public")),
    st.sampled_from((*LEVELS, "public")),
)
def test_it_answers_whatever_it_is_asked(
    subject: str, data: dict[str, Any], event_type: str, before: Level, after: Level
) -> None:
    """Total: no event, however strange, raises."""
    fields = list((golden(event_type).data or {}).keys())
    strange = {**dict.fromkeys(fields, data), **data}
    disclose(agency(), golden(event_type)._replace(subject=subject, data=strange), before, after)
    disclose(agency(), golden(event_type)._replace(data={field: [data] for field in fields}), before, after)
    disclose(agency(), golden(event_type)._replace(data=None), before, after)


codes = st.text("ABC-1|", min_size=1)


@given(st.sampled_from(AGENCIES), st.sampled_from(AGENCIES), codes, codes)
def test_opaque_ids_are_one_to_one_and_differ_between_agencies(one: str, other: str, place: str, second: str) -> None:
    assert (agency(one).opaque(place) == agency(other).opaque(second)) == ((one, place) == (other, second))
