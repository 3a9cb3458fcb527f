"""`pulang rehearse`: invented people, so that an integrator sees something come.

Three things that happen to an agency: somebody agrees, somebody withdraws, somebody is erased. All of it by the API, as
the staff who would do it: nothing here could not be done by hand. Each returns when feed and topic have it.
"""

import asyncio
import os
import random
from datetime import timedelta

from pulang.client import OPERATOR, Client, Reach
from pulang.complaint import Complaint
from pulang.demo.settling import until_settled
from pulang.erasures import approve_erasure, request_erasure
from pulang.replay.api import Api
from shared.events.envelope import rfc3339
from shared.times import utc_now

POST = {"name": "Pos Gladi", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}
POINT = "TNJ"
"""Where they arrive: bp2mi's officers are there in every profile."""
ARRIVED_BEFORE = timedelta(days=1)
ALLOWED = "PULANG_REHEARSAL"
_REGENCIES = ("35.07", "33.01", "52.03", "53.04", "32.12")


def only_where_it_is_allowed() -> None:
    """Raises Complaint where the environment does not say that nobody real is in this Pulang."""
    if os.environ.get(ALLOWED) != "yes":
        raise Complaint(f"this invents and erases people: set {ALLOWED}=yes where there are no real ones")


def arrive(to: Reach, agency: str, people: int, level: str) -> None:
    """Print the cases of so many people who arrive, agree to the agency and are screened. Raises Complaint."""
    _open_post(to)
    arrived = (utc_now() - ARRIVED_BEFORE).date().isoformat()
    cases = []
    with Client(to, to.tokens.bearer("bp2mi", "arrival_officer", POINT)) as officer:
        for _ in range(people):
            case = officer.post("/intake/cases", _somebody(arrived))["case_id"]
            decision = {"agency": agency, "level": level}
            _decide(officer, case, decision)
            finding = {"trafficking_status": "PossibleVictimOfTrafficking", "occurred_at": arrived}
            officer.post(f"/intake/cases/{case}/screenings", finding)
            cases.append(case)
    _until_told(to)
    print("\n".join(cases))


def withdraw(to: Reach, agency: str, case: str) -> None:
    """The person does not want the agency to follow any more. Raises Complaint."""
    with Client(to, to.tokens.bearer("bp2mi", "arrival_officer", POINT)) as officer:
        _decide(officer, case, {"agency": agency, "status": "withdrawn", "level": "none"})
    _until_told(to)
    print(f"{case}: {agency} is asked to delete it")


def erase(to: Reach, case: str) -> None:
    """The person wants to be forgotten: a supervisor asks for it, an administrator approves. Raises Complaint."""
    request_erasure(to, case, "bp2mi", "requested", "person")
    approve_erasure(to, case)
    _until_told(to)


def _until_told(to: Reach) -> None:
    async def wait() -> None:
        async with Api(to) as api:
            await until_settled(api, lambda: None)

    asyncio.run(wait())


def _decide(officer: Client, case: str, decision: dict[str, str]) -> None:
    said = {"decisions": [decision], "given_by": "person", "witness": "Contoh Saksi", "occurred_at": rfc3339(utc_now())}
    officer.post(f"/intake/cases/{case}/consents", said)


def _open_post(to: Reach) -> None:
    with Client(to, to.tokens.bearer(OPERATOR, "administrator")) as administrator:
        if all(place["code"] != POINT for place in administrator.get("/intake/places")["items"]):
            administrator.put(f"/intake/arrival-points/{POINT}", POST, None)


def _somebody(arrived: str) -> dict[str, object]:
    dice = random.SystemRandom()
    return {
        "name": f"Contoh Gladi {dice.randrange(10**6):06}",
        "sex": dice.choice("FM"),
        "birth_date": f"{dice.randrange(1970, 2004)}-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}",
        "origin_regency": dice.choice(_REGENCIES),
        "destination_country": "MY",
        "arrival_point": POINT,
        "arrival_date": arrived,
        "register_anyway": True,
    }
