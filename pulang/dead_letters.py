"""`pulang dead-letters`: what is parked, another try, and giving up."""

import sys
from typing import Any

import orjson

from pulang.client import OPERATOR, Client, Reach
from pulang.services import SERVICES, must_be_a_service


def list_parked(to: Reach, *, as_json: bool) -> None:
    """Everything parked, a line a key. Raises Complaint."""
    items = []
    with Client(to, to.tokens.bearer(OPERATOR, "administrator")) as client:
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
    if service is not None:
        must_be_a_service(service)
    with Client(to, to.tokens.bearer(OPERATOR, "administrator")) as client:
        for one in [service] if service else SERVICES:
            answer = client.post(f"/{one}/operations/parked/retry", {} if key is None else {"key": key})
            if answer["events"]:
                print(f"{one}: {answer['events']} events are tried again")


def show_parked(to: Reach, service: str, key: str, *, as_json: bool) -> None:
    """What is parked under a key of a service, one line each, in the order in which it waits. Raises Complaint."""
    must_be_a_service(service)
    with Client(to, to.tokens.bearer(OPERATOR, "administrator")) as client:
        items = client.get(f"/{service}/operations/parked/events", key=key)["items"]
    if as_json:
        sys.stdout.buffer.write(orjson.dumps({"items": items}) + b"\n")
        return
    for item in items:
        print(f"{item['consumer']}: {_event(item)}; {item['reason']}, {item['attempts']} tries, {_outlook(item)}")


def discard_parked(
    to: Reach, service: str, key: str, reason: str, consumer: str | None, *, everything: bool, now: bool
) -> None:
    """Give up the head of a key, or everything under it. Raises Complaint."""
    must_be_a_service(service)
    body = {"key": key, "reason": reason, "all": everything, "now": now}
    with Client(to, to.tokens.bearer(OPERATOR, "administrator")) as client:
        answer = client.post(
            f"/{service}/operations/parked/discard", body if consumer is None else body | {"consumer": consumer}
        )
    print(f"{service}: {answer['events']} events under {key} are discarded; what waited behind is tried")


def _event(item: dict[str, Any]) -> str:
    if item["type"] is None:
        return "bytes that are no event"
    return f"{item['type']} of {item['source']}, {item['subject']} version {item['streamversion']}"


def _outlook(item: dict[str, Any]) -> str:
    if item["dead"]:
        return "dead letter"
    return "waits behind" if item["next_try"] is None else f"tried again at {item['next_try']}"
