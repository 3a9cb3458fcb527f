"""`pulang erasures`: asking for a person to be erased, approving it, and the list that is kept apart from backups."""

import sys
from pathlib import Path
from typing import Any

import orjson

from pulang.client import OPERATOR, Client, Reach
from pulang.complaint import Complaint

PAGE = 1000


def request_erasure(to: Reach, case: str, agency: str, reason: str, asked_by: str) -> None:
    """As a supervisor of the agency that has the case. Raises Complaint."""
    with Client(to, to.tokens.bearer(agency, "supervisor")) as client:
        client.post(f"/intake/cases/{case}/erasure", {"reason": reason, "asked_by": asked_by})
    print(f"{case}: a second person has to approve it: pulang erasures approve {case}")


def approve_erasure(to: Reach, case: str) -> None:
    """As an administrator, who is somebody else than the supervisor that asked. Raises Complaint."""
    with Client(to, to.tokens.bearer(OPERATOR, "administrator")) as client:
        client.post(f"/intake/cases/{case}/erasure/approval", {})
    print(f"{case}: erased; every agency that had anything of the case is told to delete it")


def list_erasures(to: Reach, status: str | None, *, as_json: bool) -> None:
    """A line each, or JSON that `pulang restore-check --erasures` reads. Raises Complaint."""
    items: list[dict[str, Any]] = []
    wanted = {} if status is None else {"status": status}
    after: dict[str, str] = {}
    with Client(to, to.tokens.bearer(OPERATOR, "administrator")) as client:
        while True:
            page = client.get("/intake/erasures", limit=PAGE, **wanted, **after)
            items += page["items"]
            if "next" not in page:
                break
            after = {"after": page["next"]}
    if as_json:
        sys.stdout.buffer.write(orjson.dumps({"items": items}) + b"\n")
        return
    for item in items:
        print(f"{item['case_id']}: {item['status']}, {item.get('reason', 'learnt from the bus')}")
    if not items:
        print("nobody asked for an erasure", file=sys.stderr)


def read_list(path: Path) -> set[str]:
    """The cases that were erased, of a list in JSON. Raises Complaint."""
    try:
        items = orjson.loads(path.read_bytes())["items"]
        return {str(item["case_id"]) for item in items if item["status"] == "erased"}
    except OSError as broken:
        raise Complaint(f"cannot read {path} ({broken.strerror})") from None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise Complaint(f"{path} is no list of `pulang erasures list --json`") from None
