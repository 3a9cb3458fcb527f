"""Arrival manifests."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from services.intake.row_keys import tells_of
from services.intake.schemas.people import PERSON_EXAMPLE, Person
from shared.http.bodies import Body, Id, Key, PlaceCode, View
from shared.times import SensibleDate

RowStatus = Literal["registered", "duplicate", "unreadable"]


class ReceiveManifest(Body):
    """Everyone who came together. A row is a person with a `row_key` of the client's choice.

    Rows are judged one by one: one that cannot be read is kept and told, and its neighbours are registered. The same
    manifest may be sent again, whole or in part: rows that were registered are answered from what is known.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
                    "arrival_point": "TNJ",
                    "arrival_date": "2026-11-03",
                    "rows": [PERSON_EXAMPLE | {"row_key": "1"}],
                }
            ]
        }
    )

    id: Id
    arrival_point: PlaceCode
    arrival_date: SensibleDate
    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=2000)]


class ManifestPerson(Person):
    """One row of a manifest. Judged with a context: the `row` as it came, and the day on which the list `arrived`."""

    row_key: Key
    """The row's own: see `tells_of`."""

    @field_validator("row_key", mode="before")
    @classmethod
    def _is_not_the_persons(cls, key: Any, listed: ValidationInfo) -> Any:
        """Decided on the row as it came: what is refused in it is kept too, and its key is shown beside that."""
        if isinstance(key, str) and tells_of(key, listed.context["row"], listed.context["arrived"]):  # type: ignore[index]
            raise ValueError("must be the row's own, such as its number in the list: no name, date or long number")
        return key


class FaultView(View):
    """What is wrong with a row."""

    detail: str
    pointer: str | None = None


class RowResult(View):
    """What became of a row. `warnings` are codes of what a person should look at."""

    row_key: str | None = None
    status: RowStatus
    case_id: str | None = None
    warnings: list[str] = []
    errors: list[FaultView] = []


class ManifestResult(View):
    """A result per row, in the order of the request."""

    id: str
    rows: list[RowResult]
    registered: int
    duplicates: int
    unreadable: int
