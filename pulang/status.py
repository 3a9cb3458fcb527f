"""`pulang status`: how far behind each service is, and whether its event log is whole."""

import sys
from typing import Any

import orjson

from pulang.client import OPERATOR, Client, Reach
from pulang.services import SERVICES


def show_status(to: Reach, *, as_json: bool, verify: bool) -> int:
    """A table, or JSON. 1 where `verify` finds a break. Raises Complaint."""
    with Client(to, to.tokens.bearer(OPERATOR, "administrator")) as client:
        services = [client.get(f"/{service}/operations/status") for service in SERVICES]
        if verify:
            for service in services:
                service["chains"] = client.get(f"/{service['service']}/operations/chains")
    broken = [service["service"] for service in services if service.get("chains", {}).get("broken")]
    if as_json:
        sys.stdout.buffer.write(orjson.dumps({"services": services}) + b"\n")
    else:
        _print(services, verify)
    if broken:
        print(f"pulang: the event log of {', '.join(broken)} is not what was written: keep a copy", file=sys.stderr)
    return 1 if broken else 0


def _print(services: list[dict[str, Any]], verify: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    table.add_column("service")
    for heading in ("outbox backlog", "consumer lag", "parked", "dead letters", *(["event log"] if verify else [])):
        table.add_column(heading, justify="right")
    for service in services:
        cells = [
            service["service"],
            str(service["outbox_backlog"]),
            _lag(service["consumer_lag"]),
            str(service["parked"]),
            str(service["dead_letters"]),
        ]
        if verify:
            cells.append(_chains(service["chains"]))
        table.add_row(*cells)
    Console().print(table)


def _lag(consumers: dict[str, int | None]) -> str:
    behind = [lag for lag in consumers.values() if lag is not None]
    return str(sum(behind)) if len(behind) == len(consumers) else "not known: no bus"


def _chains(chains: dict[str, Any]) -> str:
    if chains["broken"]:
        first = chains["broken"][0]
        return f"broken in {len(chains['broken'])} streams, first {first['subject']} at {first['streamversion']}"
    return f"{chains['service_events']} events, whole"
