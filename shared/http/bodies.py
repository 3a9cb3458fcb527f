"""What all request bodies have in common: unknown fields are refused, texts hold no control characters."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

ID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


def _printable(text: str) -> str:
    if not text.isprintable() and any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("must not hold control characters")
    return text


def _prose(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not hold the character NUL")
    return text


Line = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(_printable)
]
"""One line of text, 1 to 200 characters."""
PUBLIC = Field(json_schema_extra={"x-public": True})
"""Marks what is public by nature: names of facilities, donors, agencies, items. Any other text is held to be personal,
and a test looks for it wherever the system writes."""
PublicLine = Annotated[Line, PUBLIC]
"""One line of text that is public by nature."""
Prose = Annotated[str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(_prose)]
"""Free text; sealed wherever it is stored."""
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
"""A key that a client gives."""
Id = Annotated[str, Field(pattern=ID_PATTERN, examples=["0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"])]
"""A UUID in lower case."""
PlaceCode = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{1,39}$", examples=["RPTC-BAMBU-APUS"])]


class Body(BaseModel):
    """A request body."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class View(BaseModel):
    """A response body."""

    model_config = ConfigDict(frozen=True)
