"""One world for the whole matrix: three places with the same life in each, of two agencies."""

import os
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from shared.security.access import AGENCY, ALL
from shared.security.roles import Roles
from shared.settings import ROLES
from tests.world import Pulang, User

NOTE = "Catatan rahasia tentang mimpi buruk"
NOBODY = "https://127.0.0.1:9/"
DAY, LATER = "2026-11-03", "2026-11-08"
DAYS = {"from": "2026-11-01", "until": "2026-11-20"}
PEOPLE = 236
ALL_ROLES = Roles.load(ROLES).by_name


def new_id() -> str:
    return str(uuid.uuid4())


@contextmanager
def receivers_here() -> Iterator[None]:
    """Webhooks may lead to this machine, where nobody listens."""
    with patch.dict(os.environ, PULANG_WEBHOOK_ALLOW="127.0.0.1/32"):
        yield


@dataclass
class Side:
    """A post and a shelter of one agency, with people, goods and care that belong to them."""

    name: str
    agency: str
    post: str
    shelter: str
    consented: bool
    """The people identify themselves to the agency."""
    spares: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    spending: bool = False
    """Whether what is asked for changes things, so that the next one is asked for another."""
    manifest: str = ""
    case: str = ""
    """Lives in the shelter."""
    at_post: str = ""
    """Was registered, and nothing more."""
    stay: str = ""
    leaving: str = ""
    leaving_stay: str = ""
    plan_missed: str = ""
    plan_given_up: str = ""
    trip: str = ""
    trip_under_way: str = ""
    travelling: str = ""
    donation: str = ""
    request: str = ""
    request_refused: str = ""
    shipment: str = ""
    session: str = ""
    erasure: str = ""
    """Somebody asked for it to be erased."""
    proposed: str = ""
    """Somebody proposed that they are a victim."""
    approval: str = ""
    held: str = ""
    """Legal proceedings need it."""
    hold: str = ""
    webhook: str = ""
    withdrawal: str = ""
    """The event that asked the agency to delete a case."""

    def spare(self, kind: str) -> str:
        """One of several of a kind; used up where things change."""
        return self.spares[kind].pop() if self.spending else self.spares[kind][-1]

    @property
    def places(self) -> list[str]:
        return [self.post, self.shelter]

    @property
    def post_particulars(self) -> dict[str, Any]:
        return {"name": f"Pos {self.post}", "agency": self.agency, "regency": "21.72", "time_zone": "Asia/Jakarta"}

    @property
    def shelter_particulars(self) -> dict[str, Any]:
        rooms = [{"name": "F1", "type": "female", "beds": 300}]
        return self.post_particulars | {"name": f"Shelter {self.shelter}", "rooms": rooms}

    @property
    def ids(self) -> set[str]:
        """Of everything that belongs here and nowhere else."""
        named = {value for value in vars(self).values() if isinstance(value, str) and len(value) == 36}
        return named | {one for spares in self.spares.values() for one in spares}


@dataclass(frozen=True)
class Caller:
    """Somebody with a role, of an agency, at places or at none."""

    role: str
    agency: str
    places: tuple[str, ...]
    user: User

    def is_at(self, side: Side) -> bool:
        return bool(set(self.places) & set(side.places))

    def reaches(self, side: Side) -> bool:
        """The usual scope: everything, the agency's, or the places in the token."""
        permissions = ALL_ROLES[self.role].permissions
        return ALL in permissions or self.is_at(side) or (AGENCY in permissions and self.agency == side.agency)

    def __str__(self) -> str:
        return f"{self.role} of {self.agency} at {' and '.join(self.places) or 'no place'}"


class Prepared:
    """The running Pulang, its sides, and its callers."""

    def __init__(self, pulang: Pulang) -> None:
        self.pulang = pulang
        self.own = Side("own", "kemensos", "TNJ", "RPTC-TANJUNG-PINANG", consented=True)
        self.sister = Side("sister", "kemensos", "BTM", "RPTC-BAMBU-APUS", consented=False)
        self.foreign = Side("foreign", "iom", "ENT", "POS-PONTIANAK", consented=True)
        self.sides = (self.own, self.sister, self.foreign)

    async def live(self) -> None:
        """The same life at each side, through the routes."""
        for side in self.sides:
            await self._open(side)
        await self.pulang.settled()
        for side in self.sides:
            await self._arrive(side)
        await self.pulang.settled()
        for side in self.sides:
            await self._take_in(side)
        await self.pulang.settled()
        for side in self.sides:
            await self._care(side)
        await self.pulang.settled()
        for side in self.sides:  # last: what would be sent meanwhile changes their tables
            await self._hook(side)

    def at(self, role: str, side: Side) -> Caller:
        """Somebody on duty at both places of a side."""
        return self.of(role, side.agency, *side.places)

    def of(self, role: str, agency: str, *places: str) -> Caller:
        subject = f"{role}-{'-'.join(places).lower()}@{agency}"
        return Caller(role, agency, places, self.pulang.user(role, agency, list(places), subject=subject))

    def callers(self, role: str) -> list[Caller]:
        """The role in each agency, at each side, and at no place."""
        there = [self.at(role, side) for side in self.sides]
        return [*there, *(self.of(role, agency) for agency in ("kemensos", "iom", "bp2mi"))]

    async def _open(self, side: Side) -> None:
        administrator = self.pulang.administrator
        for path, body in (
            (f"/intake/arrival-points/{side.post}", side.post_particulars),
            (f"/shelter/facilities/{side.shelter}", side.shelter_particulars),
        ):
            answer = await administrator.put(path, body)
            assert answer.status_code == 200, answer.text
        facility = (await administrator.get(f"/shelter/facilities/{side.shelter}")).json()
        for number in range(3):
            side.spares["joining"].append(f"joins{side.name}{number}")
            side.spares["leaving"].append(f"leaves{side.name}{number}")
            joined = await administrator.put(
                f"/exchange/agencies/leaves{side.name}{number}", {"name": "X", "kind": "social_office"}
            )
            assert joined.status_code == 200, joined.text
        side.spares["beds"] = facility["rooms"][0]["bed_ids"]

    async def _arrive(self, side: Side) -> None:
        officer, side.manifest = self.at("arrival_officer", side).user, new_id()
        rows = [{"row_key": str(number), "name": f"Contoh {number}", "sex": "F"} for number in range(PEOPLE)]
        body = {"id": side.manifest, "arrival_point": side.post, "arrival_date": DAY, "rows": rows}
        cases = [one["case_id"] for one in (await officer.done("/intake/manifests", body))["rows"]]
        side.case, side.at_post, side.leaving, side.travelling = cases[:4]
        staying = [cases[0], *cases[2:90]]
        side.spares["accepted"] = cases[4:90]
        asked, side.spares["registered"], side.spares["closed"] = cases[90:115], cases[115:135], cases[135:150]
        side.spares["erasable"], side.spares["doubtful"] = cases[150:160], cases[160:170]
        side.spares["doomed"], side.erasure, side.held = cases[170:178], cases[178], cases[179]
        side.spares["victims"], side.spares["transferable"] = cases[180:200], cases[200:212]
        side.spares["proposed"], side.proposed = cases[212:235], cases[235]
        made = await officer.done(
            "/intake/referrals", {"facility": side.shelter, "cases": staying + asked, "occurred_at": DAY}
        )
        by_case = {one["case_id"]: one["referral_id"] for one in made["referrals"]}
        side.spares["pending"] = [by_case[case] for case in asked]
        side.spares["answered"] = [by_case[case] for case in staying]
        closure = {"outcome": "withdrawn", "cases": side.spares["closed"], "occurred_at": DAY}
        await self.at("supervisor", side).user.done("/intake/closures", closure)
        decisions = [{"agency": side.agency, "level": "identified" if side.consented else "pseudonymous"}]
        consent = {"decisions": decisions, "given_by": "person", "occurred_at": DAY}
        await officer.done(f"/intake/cases/{side.at_post}/consents", consent)

    async def _take_in(self, side: Side) -> None:
        staff = self.at("shelter_staff", side).user
        acceptance = {"facility": side.shelter, "referrals": side.spares["answered"], "occurred_at": DAY}
        await staff.done("/shelter/referrals/acceptance", acceptance)
        side.stay, side.leaving_stay, side.plan_missed, side.plan_given_up = (new_id() for _ in range(4))
        planned = [(side.plan_missed, side.spares["accepted"].pop()), (side.plan_given_up, side.travelling)]
        plans = [
            {"stay_id": stay, "case_id": case, "room_type": "female", "from_date": DAY, "until_date": LATER}
            for stay, case in planned
        ]
        await staff.done("/shelter/stays/plan", {"facility": side.shelter, "people": plans})
        people = [
            {"stay_id": stay, "case_id": case, "bed_id": side.spares["beds"].pop()}
            for stay, case in ((side.stay, side.case), (side.leaving_stay, side.leaving))
        ]
        await staff.done("/shelter/stays/check-in", {"facility": side.shelter, "on": DAY, "people": people})

    async def _care(self, side: Side) -> None:
        staff, side.trip, side.trip_under_way = self.at("shelter_staff", side).user, new_id(), new_id()
        for trip, case in ((side.trip, side.spares["accepted"].pop()), (side.trip_under_way, side.travelling)):
            people = [{"case_id": case, "regency": "35.07"}]
            body = {"id": trip, "mode": "ship", "from_facility": side.shelter, "departs_on": LATER, "people": people}
            await staff.done("/intake/trips", body)
        await staff.done(f"/intake/trips/{side.trip_under_way}/departure", {"occurred_at": DAY})
        counsellor, side.session = self.at("counsellor", side).user, new_id()
        session = {"id": side.session, "case_id": side.case, "layer": 3, "kind": "individual", "on": DAY, "note": NOTE}
        await counsellor.done("/psychosocial/sessions", {"sessions": [session]})
        await self._goods(side)
        await self._withdraw(side)
        await self._doom(side)

    async def _withdraw(self, side: Side) -> None:
        """Somebody lets the agency follow, and thinks better of it."""
        case, officer = side.spares["closed"][0], self.at("arrival_officer", side).user
        for status, level in (("given", "pseudonymous"), ("withdrawn", "none")):
            decisions = [{"agency": side.agency, "status": status, "level": level}]
            consent = {"decisions": decisions, "given_by": "person", "occurred_at": DAY}
            await officer.done(f"/intake/cases/{case}/consents", consent)
        await self.pulang.settled()
        asked = (await self.pulang.reader(side.agency).get("/exchange/consent-requests")).json()["items"]
        (side.withdrawal,) = (one["event"] for one in asked if case in one.values())

    async def _doom(self, side: Side) -> None:
        """Erasures are asked for, by somebody else than who will approve them; proceedings need one case."""
        head = self.pulang.user("supervisor", side.agency, subject=f"head@{side.agency}")
        for case in (*side.spares["doubtful"], *side.spares["doomed"], side.erasure):
            await head.done(f"/intake/cases/{case}/erasure", {"reason": "requested", "asked_by": "person"})
        finding = {"decided_by": "Police", "occurred_at": DAY}
        side.approval, *side.spares["approvals"] = [
            (await head.done(f"/intake/cases/{case}/identification", finding))["approval_id"]
            for case in (side.proposed, *side.spares["proposed"])
        ]
        path = f"/intake/cases/{side.held}/legal-holds"
        side.hold, *side.spares["holds"] = [
            (await head.done(path, {"reason": "prosecution"}))["hold_id"] for _ in range(9)
        ]

    async def _hook(self, side: Side) -> None:
        """Nobody listens there."""
        integrator = self.at("integrator", side).user
        side.webhook, *side.spares["webhooks"] = [
            (await integrator.done("/exchange/webhooks", {"url": NOBODY}))["id"] for _ in range(4)
        ]

    async def _goods(self, side: Side) -> None:
        officer, side.donation = self.at("aid_officer", side).user, new_id()
        donation = {"id": side.donation, "donor": "UN", "item": "hygiene kit", "quantity": 500, "store": side.shelter}
        await officer.done("/aid/donations", donation | {"occurred_at": DAY})
        await officer.done(f"/aid/donations/{side.donation}/receipt", {"occurred_at": DAY})
        side.request, side.request_refused, side.shipment = new_id(), new_id(), new_id()
        for request in (side.request, side.request_refused):
            body = {"id": request, "from_store": side.shelter, "to_store": side.post, "item": "hygiene kit"}
            await officer.done("/aid/requests", body | {"quantity": 400, "occurred_at": DAY})
        await officer.done(f"/aid/requests/{side.request}/approval", {"occurred_at": DAY})
        shipment = {"id": side.shipment, "request_id": side.request, "quantity": 100, "occurred_at": DAY}
        await officer.done("/aid/shipments", shipment)
