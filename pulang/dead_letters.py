"""`pulang dead-letters`: what is parked, and another try."""

import sys

import orjson

from pulang.client import OPERATOR, Client, Reach
from pulang.complaint import Complaint
from pulang.status import SERVICES


def list_parked(to: Reach, *, as_json: bool) -> None:
    """Everything parked, a line a key. Raises Complaint."""
    items = []
    with Client(to, to.tokens.issue(OPERATOR, "administrator")) as client:
        for service in SERVICES:
            items += [{"service": service} | item for item in client.get(f"/{service}/operations/parked")["items"]]
    if as_json:
        sys.stdout.buffer.write(orjson.dumps({"items": items}) + b"\n")
        return
    for item in items:
        state = "dead letter" if item["dead"] else "is tried again by itself"
        print(
            f"{item['service']}: {item['key']} ({item['topic']}), {item['reason']}, "
            f"{item['attempts']} tries, {item['waiting']} events wait, {state}"
        )
    if not items:
        print("nothing is parked", file=sys.stderr)


def retry_parked(to: Reach, service: str | None, key: str | None) -> None:
    """Another try for all, or for those of one service or key. Raises Complaint."""
    if service is not None and service not in SERVICES:
        raise Complaint(f"there is no service {service!r}: choose one of {' '.join(SERVICES)}")
    with Client(to, to.tokens.issue(OPERATOR, "administrator")) as client:
        for one in [service] if service else SERVICES:
            answer = client.post(f"/{one}/operations/parked/retry", {} if key is None else {"key": key})
            if answer["events"]:
                print(f"{one}: {answer['events']} events are tried again")
