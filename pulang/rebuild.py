"""`pulang rebuild`: a running service builds its projections again; this asks for it, and waits."""

import sys
import time
from typing import Any

from pulang.client import OPERATOR, Client, Reach
from pulang.complaint import Complaint
from pulang.services import must_be_a_service

PAUSE_SECONDS = 0.5
SILENT_SECONDS = 20.0
"""Without a sign of life for so long, the replica that built has gone."""


def rebuild_service(to: Reach, service: str) -> None:
    """Until every projection of the service is live in a new generation. Raises Complaint."""
    must_be_a_service(service)
    path = f"/{service}/operations"
    with Client(to, to.tokens.bearer(OPERATOR, "administrator")) as client:
        wanted: dict[str, int] = client.post(f"{path}/rebuild", {})["generations"]
        if not wanted:
            print(f"{service} has no projection: nothing is to be rebuilt")
        told: dict[str, str] = {}
        while wanted:
            for item in client.get(f"{path}/projections")["items"]:
                name = item["projection"]
                if name in wanted and _is_live(item, wanted[name]):
                    print(f"{name}: generation {item['live']} is live, built from {item['taken']} records")
                    del wanted[name]
                elif name in wanted and told.get(name) != (line := _line(item)):
                    told[name] = line
                    print(line, file=sys.stderr)
            if wanted:
                time.sleep(PAUSE_SECONDS)


def _is_live(item: dict[str, Any], wanted: int) -> bool:
    """Raises Complaint where it will not come to that."""
    name = item["projection"]
    if item["live"] == wanted:
        return True
    if item["building"] is None:
        raise Complaint(f"{name} was not rebuilt ({item['ended']}); the live one is untouched: start it again")
    if item["building"] != wanted:
        raise Complaint(f"{name}: another rebuild was begun meanwhile")
    if item["silent_seconds"] > SILENT_SECONDS:
        raise Complaint(f"{name}: the replica that built it has gone; the live one is untouched: start it again")
    return False


def _line(item: dict[str, Any]) -> str:
    line = f"{item['projection']}: {item['taken']} records"
    if item["parked"]:
        line += f"; {item['parked']} events could not be taken in: see `pulang dead-letters list`"
    return line
