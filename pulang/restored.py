"""`pulang restored`: what is read-only since a restore, and opening it."""

import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import orjson

from pulang.client import OPERATOR, Client, Reach
from pulang.services import must_be_a_service


def list_read_only(to: Reach, service: str, *, as_json: bool) -> None:
    """All of it, a line each. Raises Complaint."""
    must_be_a_service(service)
    items: list[dict[str, Any]] = []
    with Client(to, to.tokens.bearer(OPERATOR, "administrator")) as client:
        while page := client.get(f"/{service}/operations/restored", after=items[-1]["subject"] if items else "")[
            "items"
        ]:
            items += page
    if as_json:
        sys.stdout.buffer.write(orjson.dumps({"items": items}) + b"\n")
    else:
        show_read_only(service, items)


def show_read_only(service: str, items: Sequence[dict[str, Any]]) -> None:
    """A line for each subject."""
    for item in items:
        missing = ", ".join(f"{event['streamversion']} {event['type']}" for event in item["missing"])
        print(f"read-only: {item['subject']}: its state ends with version {item['state_version']}, it lacks {missing}")
    if not items:
        print(f"{service}: no state is older than its events")


def open_again(to: Reach, service: str, subject: str) -> None:
    """Raises Complaint."""
    must_be_a_service(service)
    with Client(to, to.tokens.bearer(OPERATOR, "administrator")) as client:
        client.post(f"/{service}/operations/restored/{quote(subject, safe='')}", {})
    print(f"{service}: {subject} may be written to again: enter what its state lacks")
