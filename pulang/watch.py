"""`pulang watch`: an agency's subscriber."""

import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from pulang.client import Client, Reach
from pulang.complaint import Complaint

PAGE = 1000
WAIT_SECONDS = 20.0
"""Longest poll."""


def watch_agency(to: Reach, agency: str, after: str | None, until_idle: float | None, *, as_json: bool) -> None:
    """Print what the agency may see; ends when nothing came for `until_idle` seconds, else by Ctrl-C or SIGTERM.

    The cursor of the last event printed is the last line on standard error. Raises Complaint, which tells it too.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seen = _Seen((after or "").removeprefix("cursor:").strip() or None)
    try:
        with Client(to, to.tokens.bearer(agency, "reader")) as client:
            _follow(client, seen, until_idle, as_json)
    except KeyboardInterrupt:
        pass
    except Complaint as complaint:
        raise Complaint(f"{complaint}; go on with --after {seen.cursor}" if seen.cursor else str(complaint)) from None
    if seen.cursor is not None:
        print(f"cursor: {seen.cursor}", file=sys.stderr)


@dataclass(slots=True)
class _Seen:
    """Up to where everything was printed."""

    cursor: str | None


def _follow(client: Client, seen: _Seen, until_idle: float | None, as_json: bool) -> None:
    heard = time.monotonic()
    while True:
        idle_at = None if until_idle is None else heard + until_idle
        page = _next(client, seen.cursor, idle_at)
        print_events(page["events"], as_json=as_json)
        seen.cursor = page["next"]
        if page["events"]:
            heard = time.monotonic()
        elif idle_at is not None and time.monotonic() >= idle_at:
            return


def _next(client: Client, cursor: str | None, idle_at: float | None) -> Mapping[str, Any]:
    left = WAIT_SECONDS if idle_at is None else max(idle_at - time.monotonic(), 0.0)
    position = {} if cursor is None else {"after": cursor}
    answer: Mapping[str, Any] = client.get(
        "/exchange/feed", limit=PAGE, wait=f"{min(left, WAIT_SECONDS):.3f}", **position
    )
    return answer


def print_events(events: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """A line each, as they are or to be read by people."""
    if not events:
        return
    if as_json:
        lines = b"".join(orjson.dumps(event) + b"\n" for event in events)
    else:
        lines = b"".join(_readable(event).encode() + b"\n" for event in events)
    sys.stdout.buffer.write(lines)
    sys.stdout.buffer.flush()


def _readable(event: Mapping[str, Any]) -> str:
    fact = event["type"].removeprefix("pulang.").rsplit(".", 1)[0]
    data = event.get("data") or {}
    told = " ".join(f"{name}={_brief(value)}" for name, value in data.items())
    return f"{event['time'][:10]}  {fact:28} {event['subject']} v{event['streamversion']}  {told}".rstrip()


def _brief(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
