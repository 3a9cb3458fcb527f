"""Keyset pages: an opaque cursor and `Link: rel="next"`. A page never shifts while others write."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel

from shared.http.problems import Invalid

Item = TypeVar("Item")

_MAC_BYTES = 8

Limit = Annotated[int, Query(ge=1, le=1000, description="Most items on the page.")]
After = Annotated[str | None, Query(max_length=500, description="Cursor: `next` of the page before.")]


class CursorUnknown(Invalid):
    """The cursor is not one that this service gave out."""


class Page(BaseModel, Generic[Item]):
    """Some items, and the cursor of what follows (none on the last page)."""

    items: Sequence[Item]
    next: str | None = None


def to_cursor(key: bytes, *place: str | int) -> str:
    """An opaque, tamper-proof name for a place in an order."""
    plain = orjson.dumps(place)
    mac = hmac.digest(key, plain, "sha256")[:_MAC_BYTES]
    return base64.urlsafe_b64encode(mac + plain).decode().rstrip("=")


def from_cursor(key: bytes, cursor: str, *types: type) -> list[Any]:
    """The place of a cursor. Raises CursorUnknown."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (ValueError, binascii.Error):
        raise CursorUnknown(pointer="query.after") from None
    mac, plain = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, hmac.digest(key, plain, "sha256")[:_MAC_BYTES]):
        raise CursorUnknown(pointer="query.after")
    place = orjson.loads(plain)
    if len(place) != len(types) or not all(isinstance(part, kind) for part, kind in zip(place, types, strict=True)):
        raise CursorUnknown(pointer="query.after")
    return list(place)
