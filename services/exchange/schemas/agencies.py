"""Agencies of the exchange."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from shared.events.catalogue import FACTS
from shared.events.intake import CaseErased, ConsentChanged
from shared.http.bodies import Body, PublicLine, View

NEVER_WITHHELD = frozenset({ConsentChanged.TYPE, CaseErased.TYPE})
"""An agency must be told when it has to delete."""


def _may_be_withheld(event_type: str) -> str:
    if event_type in NEVER_WITHHELD:
        raise ValueError("asks an agency to delete: it cannot be withheld")
    return event_type


def _optional_fields(fields: dict[str, list[str]]) -> dict[str, list[str]]:
    """What a schema requires stands in every copy: a type without it would be no event of that type."""
    for event_type, names in fields.items():
        fact = FACTS.get(event_type)
        if fact is None:
            raise ValueError("names a type whose fields are not known here")
        for name in names:
            field = fact.model_fields.get(name)
            if field is None:
                raise ValueError(f"{event_type} has no field of one of these names")
            if field.is_required():
                raise ValueError(f"{event_type} requires one of these fields: withhold the type")
    return fields


EventType = Annotated[
    str, StringConstraints(pattern=r"^pulang(\.[a-z][a-z_]{0,30}){2}\.v[1-9][0-9]?$"), AfterValidator(_may_be_withheld)
]
"""Also one that a newer version will publish."""
AgencyName = Annotated[str, Field(pattern=r"^[a-z0-9]{1,32}$", examples=["iom"])]
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,39}$")]


class PutAgency(Body):
    """An agency's name, its kind, and what of the events it does not get."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Dinas Sosial Kepulauan Riau",
                    "kind": "social_office",
                    "withheld": ["pulang.psychosocial.alert_raised.v1"],
                    "withheld_fields": {"pulang.case.registered.v1": ["origin_regency"]},
                }
            ]
        }
    )

    name: PublicLine
    kind: Kind
    withheld: Annotated[list[EventType], Field(max_length=100)] = []
    """Types of which it gets stubs alone."""
    withheld_fields: Annotated[
        dict[EventType, Annotated[list[Kind], Field(max_length=50)]],
        Field(max_length=100),
        AfterValidator(_optional_fields),
    ] = {}
    """By type: optional fields that its copies lack."""


class AgencyPolicy(View):
    """An agency's policy as it stands now."""

    agency: str
    name: str
    kind: str
    withheld: list[str]
    withheld_fields: dict[str, list[str]]
    member: bool
    """False once it has left."""
    version: int


class AgencyNow(AgencyPolicy):
    """An agency's policy, and whether it is in force."""

    joining: bool
    """While its log is being written: until then nothing goes out to it."""


class AgencyLog(AgencyNow):
    """An agency of the exchange, and how far its log is."""

    last: int
    """Last position of its log."""
    sent: int
    """Up to where its topic on the bus stands."""


class PolicyChange(AgencyPolicy):
    """A version of a policy, with who made it and when."""

    changed_at: datetime
    changed_by: str
