"""What events may hold (DESIGN 5): codes, dates, numbers, ids and public names; nothing about who somebody is.

Guilty until declared: a text that is no code list and has no pattern stands in a list here, with its reason.
"""

import re
import types
from collections.abc import Iterator
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Field

from shared.events.catalogue import FACTS
from shared.events.fact import Mark, PlaceId
from shared.events.intake import CaseClosed

GUILTY = re.compile(
    r"(^|_)(name|names|nama|birth|born|lahir|nik|ktp|passport|splp|document|phone|mobile|email|address|alamat|village"
    r"|note|notes|remark|remarks|comment|comments|description|text|reason|story|answer|answers|score|photo|religion"
    r"|ethnicity|diagnosis|guardian|witness|parent|child|spouse|mother|father)(_|$)"
)
PUBLIC = {
    "FacilityOpened.name": "facilities are public by nature",
    "DonationPledged.donor": "donors are public by nature",
    "DonationReceived.donor": "donors are public by nature",
}
FREE_TEXT = PUBLIC | {
    "FacilityOpened.time_zone": "IANA name",
    **dict.fromkeys(
        (
            "CaseRegistered.manifest",
            *(f"Referral{what}.referral" for what in ("Made", "Revoked", "Accepted", "Rejected")),
            *(f"Return{what}.trip" for what in ("Planned", "Departed", "Arrived")),
            *(f"Stay{what}.stay" for what in ("Planned", "CheckedIn", "Moved", "CheckedOut", "NoShow", "Cancelled")),
            "AidIssued.issue",
            "ShipmentDispatched.request",
            "ShipmentReceived.request",
            "SessionRecorded.session",
        ),
        "an id that a service gave",
    ),
    **dict.fromkeys(
        (
            "AidIssued.item",
            *(f"Donation{what}.item" for what in ("Pledged", "Received")),
            *(f"Request{what}.item" for what in ("Submitted", "Approved")),
            *(f"Shipment{what}.item" for what in ("Dispatched", "Received")),
            *(f"Stock{what}.item" for what in ("Low", "Adjusted")),
        ),
        "items are public by nature",
    ),
}
PLACES = re.compile(r"(^|_)(facility|store|shelter|post|place|arrival_point|warehouse)(_id)?$")


def models(start: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield start
    for field in start.model_fields.values():
        for part in leaves(field.annotation, ()):
            if isinstance(part[0], type) and issubclass(part[0], BaseModel):
                yield from models(part[0])


def leaves(annotation: Any, metadata: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """The types inside a type, each with what is annotated to it."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        yield from leaves(inner, (*metadata, *more))
    elif origin in (Union, types.UnionType, tuple, list):
        for inner in get_args(annotation):
            if inner not in (type(None), ...):
                yield from leaves(inner, metadata)
    else:
        yield annotation, metadata


FIELDS = {
    f"{model.__name__}.{name}": field
    for fact in FACTS.values()
    for model in models(fact)
    for name, field in model.model_fields.items()
}


def is_free(annotation: Any, metadata: tuple[Any, ...]) -> bool:
    """Whether anything at all can be written there."""
    if get_origin(annotation) is Literal or annotation in (int, bool, date):
        return False
    if isinstance(annotation, type) and issubclass(annotation, Enum | BaseModel):
        return False
    return "pattern=" not in repr(metadata)


def free_fields() -> set[str]:
    return {
        name
        for name, field in FIELDS.items()
        if any(is_free(*leaf) for leaf in leaves(field.annotation, tuple(field.metadata)))
    }


def place_fields() -> set[str]:
    """Fields whose type is that of a place's id, or whose name says so."""
    pattern = get_args(PlaceId)[1].metadata[0].pattern
    return {
        name
        for name, field in FIELDS.items()
        if PLACES.search(name.partition(".")[2])
        or any(
            f"pattern={pattern!r}" in repr(metadata) for _, metadata in leaves(field.annotation, tuple(field.metadata))
        )
    }


def suspects(fields: dict[str, Any]) -> set[str]:
    """Fields with a guilty name that are no code list: a pattern would let a NIK pass, a date a birthday."""
    return {
        name
        for name, field in fields.items()
        if GUILTY.search(name.rpartition(".")[2])
        and not all(is_coded(part) for part, _ in leaves(field.annotation, ()))
    }


def is_coded(annotation: Any) -> bool:
    return get_origin(annotation) is Literal or (isinstance(annotation, type) and issubclass(annotation, Enum))


def test_no_field_is_named_after_what_identifies_a_person() -> None:
    assert suspects(FIELDS) - set(PUBLIC) == set()


def test_no_text_is_free_but_what_is_declared() -> None:
    assert free_fields() - set(FREE_TEXT) == set(), (
        "make it a code list, give it a pattern, or declare why it is harmless"
    )
    assert set(FREE_TEXT) - free_fields() == set(), "no longer free: take it off the list"


def test_numbers_and_dates_are_the_only_other_values() -> None:
    """A dictionary or `Any` could hold everything."""
    for name, field in FIELDS.items():
        for annotation, _ in leaves(field.annotation, ()):
            assert (
                annotation in (str, int, date) or get_origin(annotation) is Literal or is_model_or_code(annotation)
            ), name


def is_model_or_code(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Enum | BaseModel)


def test_every_place_is_marked_as_one() -> None:
    """`disclose` makes opaque what is marked, and only that."""
    unmarked = {
        name
        for name in place_fields()
        if not any(
            Mark.PLACE in metadata for _, metadata in leaves(FIELDS[name].annotation, tuple(FIELDS[name].metadata))
        )
    }
    assert unmarked == set()
    assert len(place_fields()) >= 25


def test_entries_per_agency_stand_at_the_top_of_a_fact() -> None:
    """`disclose` looks for them there; the other marks hold at any depth."""
    marked = {
        name.partition(".")[0]
        for name, field in FIELDS.items()
        if any(Mark.PER_AGENCY in marks for _, marks in leaves(field.annotation, tuple(field.metadata)))
    }
    assert marked
    assert marked <= {fact.__name__ for fact in FACTS.values()}


class Told(CaseClosed):
    """A fact as nobody should write it."""

    because: str | None = None
    by: Annotated[tuple[str, ...], Mark.INTERNAL] = ()
    nik: Annotated[str, Field(pattern=r"^\d{16}$")] = "3507120101900001"
    birth_date: date | None = None
    mother_name: str = ""
    rejection_reason: Literal["full", "other"] = "full"
    reason: str | None = None


def test_free_texts_are_found() -> None:
    fields = Told.model_fields
    free = {
        name for name, f in fields.items() if any(is_free(*leaf) for leaf in leaves(f.annotation, tuple(f.metadata)))
    }
    assert free == {"because", "by", "mother_name", "reason"}


def test_guilty_names_are_found() -> None:
    assert suspects(Told.model_fields) == {"nik", "birth_date", "mother_name", "reason"}
