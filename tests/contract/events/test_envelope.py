"""What comes from a topic may be anything: it is one of our events, or NotAnEvent."""

import string
from datetime import datetime
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.events.envelope import CONTENT_TYPE, MAX_DEPTH, MAX_TEXT, MAX_VERSION, Event, NotAnEvent, rfc3339
from tests.contract.events.facts import EXAMPLES, event_about

GOOD: dict[str, Any] = orjson.loads(event_about(EXAMPLES[0]).to_bytes())
HEADERS = [
    *((f"ce_{name}", str(value).encode()) for name, value in GOOD.items() if name not in ("data", "datacontenttype")),
    ("content-type", b"application/json"),
]
DATA = orjson.dumps(GOOD["data"])


def changed(**attributes: Any) -> bytes:
    return orjson.dumps({**GOOD, **attributes})


def without(name: str) -> bytes:
    return orjson.dumps({key: value for key, value in GOOD.items() if key != name})


def nested(depth: int) -> bytes:
    inside = b"[" * depth + b"]" * depth
    return changed(data={"deep": "here"}).replace(b'"here"', inside)


GARBAGE: dict[str, bytes] = {
    "nothing": b"",
    "not UTF-8": b"\xff\xfe",
    "not JSON": b"{",
    "a number": b"7",
    "null": b"null",
    "a list": b"[]",
    "a list of events": b"[" + changed() + b"]",
    "two events": changed() + changed(),
    "a byte order mark": b"\xef\xbb\xbf" + changed(),
    "NaN": changed(data={}).replace(b"{}", b'{"a":NaN}'),
    "an endless number": changed(data={}).replace(b"{}", b'{"a":' + b"9" * 5000 + b"}"),
    "half a surrogate pair": changed(subject="here").replace(b'"here"', b'"\\ud800"'),
    "nested deeper than the JSON reader goes": nested(5000),
    "nested deeper than the JSON writer goes": nested(500),
    "nested deeper than allowed": nested(MAX_DEPTH),
    "nested deeper than allowed, outside the data": changed(deep="here").replace(b'"here"', b"[" * 300 + b"]" * 300),
    "another specversion": changed(specversion="0.3"),
    "specversion as a number": changed(specversion=1.0),
    "streamversion of zero": changed(streamversion=0),
    "negative streamversion": changed(streamversion=-1),
    "streamversion beyond 32 bits": changed(streamversion=MAX_VERSION + 1),
    "streamversion beyond 64 bits": changed(streamversion=1).replace(b'version":1,', b'version":1' + b"0" * 30 + b","),
    "streamversion as a boolean": changed(streamversion=True),
    "streamversion as a text": changed(streamversion="1"),
    "streamversion with a fraction": changed(streamversion=1.0),
    "streamversion as a list": changed(streamversion=[1]),
    "grant of zero": changed(grant=0),
    "grant as a boolean": changed(grant=True),
    "grant as a text": changed(grant="1"),
    "grant as an object": changed(grant={"agency": "iom"}),
    "grant beyond 32 bits": changed(grant=2**31),
    "data as a list": changed(data=[1]),
    "data as a text": changed(data="{}"),
    "data as a boolean": changed(data=False),
    "data in base64": changed(data=None, data_base64="e30="),
    **{f"no {name}": without(name) for name in ("specversion", "id", "source", "type", "subject", "streamversion")},
    **{f"no {name}": without(name) for name in ("time", "recordedtime")},
    **{
        f"{name} {how}": changed(**{name: value})
        for name in ("id", "source", "type", "subject", "correlationid", "causationid", "traceparent")
        for how, value in {
            "empty": "",
            "as a number": 7,
            "as a list": ["a"],
            "too long": "a" * (MAX_TEXT + 1),
            "with a NUL": "a\0b",
            "with a line break": "a\nb",
            "with a noncharacter": "a\uffff",
        }.items()
    },
    **{
        f"{name} {value!r}": changed(**{name: value})
        for name in ("time", "recordedtime")
        for value in (
            "",
            "yesterday",
            "2020-01-03",
            "2020-01-03T05:00:00",
            "2020-01-03T05:00:00.000000",
            "2020-13-03T05:00:00Z",
            "2020-02-30T05:00:00.000000Z",
            "2020-01-03T25:00:00Z",
            "2020-W01-5T05:00:00.000000Z",
            "20200103T050000Z",
            "0001-01-01T00:00:00+07:00",
            "9999-12-31T23:59:59-07:00",
            "２020-01-03T05:00:00.000000Z",
            1578027600,
        )
    },
}


@pytest.mark.parametrize("payload", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_no_event(payload: bytes) -> None:
    with pytest.raises(NotAnEvent):
        Event.from_bytes(payload)


def test_the_event_that_the_garbage_was_made_of_is_one() -> None:
    assert Event.from_bytes(changed()).to_bytes() == orjson.dumps(GOOD)


def test_the_message_never_holds_what_came() -> None:
    """It is logged: a foreign sender may have put anything into an attribute."""
    for payload in (changed(subject="Siti Aminah\n"), changed(time="Siti Aminah"), changed(grant="Siti Aminah")):
        with pytest.raises(NotAnEvent) as refused:
            Event.from_bytes(payload)
        assert "Siti" not in str(refused.value)


@pytest.mark.parametrize(
    ("given_time", "read"),
    [
        ("2020-01-03T05:00:00.000000Z", "2020-01-03T05:00:00.000000Z"),
        ("2020-01-03T12:00:00+07:00", "2020-01-03T05:00:00.000000Z"),
        ("2020-01-03t05:00:00z", "2020-01-03T05:00:00.000000Z"),
        ("2020-01-03 05:00:00.5Z", "2020-01-03T05:00:00.500000Z"),
        ("2020-01-03T05:00:00.123456789Z", "2020-01-03T05:00:00.123456Z"),
        ("0999-01-03T05:00:00-00:00", "0999-01-03T05:00:00.000000Z"),
    ],
)
def test_any_rfc3339_time_is_read_as_utc(given_time: str, read: str) -> None:
    event = Event.from_bytes(changed(time=given_time, recordedtime=given_time))
    assert (event.time, event.recordedtime) == (read, read)


def test_a_null_is_an_attribute_that_is_not_there() -> None:
    event = Event.from_bytes(changed(grant=None, correlationid=None, data=None))
    assert (event.grant, event.correlationid, event.data) == (None, None, None)


def test_what_nests_as_deep_as_allowed_can_be_sent_on() -> None:
    event = Event.from_bytes(nested(MAX_DEPTH - 2))
    assert Event.from_bytes(event.to_bytes()) == event


def test_many_shallow_objects_are_not_deep() -> None:
    assert Event.from_bytes(changed(data={"rooms": [{"beds": 2}] * 5000})).data


class TestBinaryMode:
    """Attributes in headers, data in the value."""

    def test_reads_the_same_event(self) -> None:
        assert Event.from_bytes(DATA, HEADERS) == Event.from_bytes(changed())

    def test_header_names_are_read_in_any_case(self) -> None:
        assert Event.from_bytes(DATA, [(name.upper(), value) for name, value in HEADERS]).id == GOOD["id"]

    def test_no_value_is_no_data(self) -> None:
        assert Event.from_bytes(b"", HEADERS).data is None

    def test_reads_a_grant(self) -> None:
        assert Event.from_bytes(DATA, [*HEADERS, ("ce_grant", b"3")]).grant == 3

    @pytest.mark.parametrize("content_type", [CONTENT_TYPE, "Application/CloudEvents+json", " application/cloudevents"])
    def test_the_content_type_says_that_it_is_structured(self, content_type: str) -> None:
        """Senders may repeat attributes as headers in structured mode; the value holds (Kafka binding 3.3)."""
        headers = [("ce_id", b"another"), ("content-type", content_type.encode())]
        assert Event.from_bytes(changed(), headers).id == GOOD["id"]

    def test_headers_of_others_mean_nothing(self) -> None:
        assert Event.from_bytes(changed(), [("traceparent", b"\xff"), ("content-type", b"")]).id == GOOD["id"]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("ce_id", b"\xff"),
            ("ce_specversion", b"1"),
            ("ce_subject", b""),
            ("ce_streamversion", b""),
            ("ce_streamversion", b"seven"),
            ("ce_streamversion", b" 7"),
            ("ce_streamversion", b"1_0"),
            ("ce_streamversion", b"+7"),
            ("ce_streamversion", b"07"),
            ("ce_streamversion", "٧".encode()),
            ("ce_streamversion", b"9" * 5000),
            ("ce_streamversion", str(MAX_VERSION + 1).encode()),
            ("ce_grant", b"-1"),
            ("ce_grant", b"true"),
            ("ce_time", b"now"),
            ("ce_data_base64", b"e30="),
        ],
    )
    def test_garbage_is_no_event(self, name: str, value: bytes) -> None:
        headers = [*((had, kept) for had, kept in HEADERS if had != name), (name, value)]
        with pytest.raises(NotAnEvent):
            Event.from_bytes(DATA, headers)

    def test_a_header_without_a_value_is_an_attribute_that_is_not_there(self) -> None:
        """Kafka has null headers, whatever a client's types say."""
        empty: Any = ("ce_subject", None)
        with pytest.raises(NotAnEvent, match="subject"):
            Event.from_bytes(DATA, [*(header for header in HEADERS if header[0] != "ce_subject"), empty])

    @pytest.mark.parametrize("value", [b"[]", b"7", b"\xff", b"Obj\x01avro"])
    def test_data_that_is_no_json_object_is_no_event(self, value: bytes) -> None:
        with pytest.raises(NotAnEvent):
            Event.from_bytes(value, HEADERS)


patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""How busy the machine is says nothing about the code."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ATTRIBUTE = st.sampled_from([*GOOD, "grant", "data_base64", "invented"])


def is_read_or_refused(payload: bytes, headers: list[tuple[str, bytes]]) -> None:
    """What is read can be written, and is then the same event."""
    try:
        event = Event.from_bytes(payload, headers)
    except NotAnEvent:
        return
    assert 1 <= event.streamversion <= MAX_VERSION
    assert Event.from_bytes(event.to_bytes()) == event


@patient
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    is_read_or_refused(payload, [])


@patient
@given(st.dictionaries(ATTRIBUTE, JSON, max_size=4))
@example({"streamversion": True})
def test_any_json_in_any_attribute_is_read_or_refused(attributes: dict[str, Any]) -> None:
    is_read_or_refused(orjson.dumps({**GOOD, **attributes}), [])


@patient
@given(st.text("0123456789TtZz+-:. W", min_size=15, max_size=32))
@example("2020-01-03T05:00:00.000000+23:59")
def test_any_time_is_read_or_refused(time: str) -> None:
    is_read_or_refused(changed(time=time), [])


@patient
@given(st.data())
def test_any_change_of_the_bytes_is_read_or_refused(draw: st.DataObject) -> None:
    payload = bytearray(changed())
    for _ in range(draw.draw(st.integers(1, 3))):
        payload[draw.draw(st.integers(0, len(payload) - 1))] = draw.draw(st.integers(0, 255))
    is_read_or_refused(bytes(payload), [])


NAMES = st.sampled_from([name for name, _ in HEADERS]) | st.text(string.printable, max_size=12).map(lambda n: f"ce_{n}")


@patient
@given(st.binary(max_size=20) | st.just(DATA), st.lists(st.tuples(NAMES, st.binary(max_size=20)), max_size=5))
def test_any_headers_are_read_or_refused(payload: bytes, more: list[tuple[str, bytes]]) -> None:
    is_read_or_refused(payload, more)
    is_read_or_refused(payload, [*HEADERS, *more])


def test_a_naive_time_is_not_written() -> None:
    with pytest.raises(ValueError, match="zone"):
        rfc3339(datetime(2020, 1, 3))  # noqa: DTZ001
