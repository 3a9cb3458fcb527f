"""Exact figures day by day, against counting the events one by one."""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from shared.codes import TraffickingStatus
from shared.events.aid import AidIssued
from shared.events.envelope import Event
from shared.events.intake import CaseClosed, CaseRegistered, CaseReopened
from tests.services.exchange.hearing import Exchange, Narrator, new_id

FIRST = date(2026, 3, 1)
SINCE, UNTIL = date(2026, 3, 5), date(2026, 3, 25)
DIMENSIONS = ("place", "sex", "age_band", "trafficking_status", "case_status")
FLOWS = {"arrivals", "check_ins", "check_outs", "sent_home", "items_issued", "hygiene_kits_issued", "sessions"}

Thing = tuple[str, date, str, int]
"""A measure, the day, the place, how much."""


async def ask(exchange: Exchange, agency: str = "kemensos", role: str = "administrator", **query: Any) -> Any:
    period = {"from": SINCE.isoformat(), "until": UNTIL.isoformat()}
    answer = await exchange.get("/exchange/indicators/series", agency, role, **(period | query))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def as_staff(exchange: Exchange, agency: str, role: str, place: str | None, **query: Any) -> Any:
    token = exchange._issuer.issue(agency, role, place)
    answer = await exchange._client.get(
        "/exchange/indicators/series",
        params={"from": SINCE.isoformat(), "until": UNTIL.isoformat()} | query,
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


class Life:
    """One person's way, told in events, and noted down for the reckoning."""

    def __init__(self, narrator: Narrator, chance: random.Random) -> None:
        case, stay = new_id(), new_id()
        self.things: list[Thing] = []
        self.stay: tuple[str, date, date | None] | None = None
        self.intake: list[Event] = []
        self.others: dict[str, list[Event]] = {"shelter": [], "aid": [], "psychosocial": []}
        post, shelter = chance.choice(["TNJ", "ENT"]), chance.choice(["RPTC-A", "LKS-B"])
        on = FIRST + timedelta(days=chance.randrange(20))
        sex, band = chance.choice("FM"), chance.choice(["9--17", "24--26", "48+", None])
        self.is_: dict[str, str] = {
            "sex": sex,
            "age_band": band or "unknown",
            "trafficking_status": "unknown",
            "case_status": "open",
        }
        registered = CaseRegistered(arrival_point=post, arrival_date=on, sex=sex, age_band=band)  # type: ignore[arg-type]
        self.intake.append(narrator.tell("intake", case, registered))
        self.things.append(("arrivals", on, post, 1))
        for _ in range(chance.randrange(3)):
            self.is_["trafficking_status"] = chance.choice(list(TraffickingStatus)).value
            self.intake.append(narrator.screened(case, self.is_["trafficking_status"]))
        left: date | None = None
        if chance.random() < 0.9:
            came = on + timedelta(days=chance.randrange(3))
            self.others["shelter"].append(narrator.checked_in(case, stay, shelter, came))
            self.things.append(("check_ins", came, shelter, 1))
            if chance.random() < 0.6:
                left, reason = came + timedelta(days=chance.randrange(1, 9)), chance.choice(["return_home", "left"])
                self.others["shelter"].append(narrator.checked_out(case, stay, left, shelter, reason))
                self.things.append(("check_outs", left, shelter, 1))
                if reason == "return_home":
                    self.things.append(("sent_home", left, shelter, 1))
            self.stay = (shelter, came, left)
            session = came + timedelta(days=chance.randrange(12))
            there = session if left is None or session <= left else None
            self.others["psychosocial"].append(narrator.session(case, session))
            self.things.append(("sessions", session, shelter if there else "unknown", 1))
        for item, quantity in (("hygiene kit", 1), ("rice", chance.randrange(1, 5))):
            fact = AidIssued(issue=new_id(), store=shelter, item=item, quantity=quantity, on=on)
            self.others["aid"].append(narrator.tell("aid", case, fact))
            self.things.append(("items_issued", on, shelter, quantity))
            if item == "hygiene kit":
                self.things.append(("hygiene_kits_issued", on, shelter, quantity))
        if chance.random() < 0.4:
            self.is_["case_status"] = "closed"
            self.intake.append(narrator.tell("intake", case, CaseClosed(outcome="returned")))
            if chance.random() < 0.4:
                self.is_["case_status"] = "reopened"
                self.intake.append(narrator.tell("intake", case, CaseReopened()))

    def told(self, chance: random.Random) -> list[Event]:
        """Each source in its order, the sources in any: a service may speak before another has been heard."""
        streams = [self.intake, *self.others.values()]
        order = [at for at, stream in enumerate(streams) for _ in stream]
        chance.shuffle(order)
        waiting = [iter(stream) for stream in streams]
        return [next(waiting[at]) for at in order]


def reckon(lives: Sequence[Life], by: str, places: set[str] | None = None) -> dict[str, dict[str, list[int]]]:
    """By measure and value, a number a day."""
    days = (UNTIL - SINCE).days + 1
    found: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0] * days))
    for life in lives:
        for measure, day, place, number in life.things:
            if SINCE <= day <= UNTIL and (places is None or place in places):
                found[measure][place if by == "place" else life.is_[by]][(day - SINCE).days] += number
        if life.stay is not None and (places is None or life.stay[0] in places):
            shelter, came, left = life.stay
            for at in range(days):
                night = SINCE + timedelta(days=at)
                if came <= night and (left is None or night < left):
                    found["resident"][shelter if by == "place" else life.is_[by]][at] += 1
    return {measure: dict(values) for measure, values in found.items()}


async def story(exchange: Exchange, narrator: Narrator, count: int = 60) -> list[Life]:
    chance = random.Random(2020)  # noqa: S311
    await exchange.hear(
        narrator.opened("TNJ", "bp2mi", kind="arrival_point"),
        narrator.opened("ENT", "bp2mi", kind="arrival_point"),
        narrator.opened("RPTC-A", "kemensos"),
        narrator.opened("LKS-B", "lks"),
    )
    lives = [Life(narrator, chance) for _ in range(count)]
    told = [event for life in lives for event in life.told(chance)]
    await exchange.hear(*(event for event in told for _ in range(2)))
    return lives


@pytest.mark.either_database
async def test_every_measure_by_every_dimension(exchange: Exchange, narrator: Narrator) -> None:
    lives = await story(exchange, narrator)
    for by in DIMENSIONS:
        answer = await ask(exchange, by=by)
        assert answer["by"] == by
        assert answer["days"] == [(SINCE + timedelta(days=at)).isoformat() for at in range(21)]
        exact = reckon(lives, by)
        assert set(answer["figures"]) == {*FLOWS, "resident"}
        assert {measure: values for measure, values in answer["figures"].items() if values} == exact, by
        assert answer["totals"] == {
            measure: {value: sum(on) for value, on in exact.get(measure, {}).items()} for measure in FLOWS
        }


async def test_the_sums_of_the_days_are_the_figures_of_the_period(exchange: Exchange, narrator: Narrator) -> None:
    await story(exchange, narrator)
    whole = (
        await exchange.get("/exchange/indicators", **{"from": SINCE.isoformat(), "until": UNTIL.isoformat()})
    ).json()
    for by in DIMENSIONS:
        totals = (await ask(exchange, by=by))["totals"]
        for measure, figure in (
            ("arrivals", "cases"),
            ("sent_home", "sent_home"),
            ("hygiene_kits_issued", "hygiene_kits_issued"),
            ("sessions", "psychosocial_sessions"),
        ):
            assert sum(totals[measure].values()) == whole[figure], (by, measure)
    places = await ask(exchange)
    assert places["totals"]["arrivals"] == whole["by_arrival_point"]
    assert places["totals"]["check_ins"] == whole["checked_in_by_shelter"]
    assert {place: on[-1] for place, on in places["figures"]["resident"].items()} == whole["resident_by_shelter"]
    assert {place: sum(on) for place, on in places["figures"]["resident"].items()} == whole["bed_nights_by_shelter"]
    assert {place: max(on) for place, on in places["figures"]["resident"].items()} == whole["peak_occupancy_by_shelter"]
    assert (await ask(exchange, by="sex"))["totals"]["arrivals"] == whole["by_sex"]
    findings = (await ask(exchange, by="trafficking_status"))["totals"]["arrivals"]
    assert {name: number for name, number in findings.items() if name != "unknown"} == whole["by_trafficking_status"]


async def test_an_operator_sees_the_places_in_their_scope_alone(exchange: Exchange, narrator: Narrator) -> None:
    lives = await story(exchange, narrator)
    for agency, role, place, ours in (
        ("kemensos", "shelter_staff", "RPTC-A", {"RPTC-A"}),
        ("kemensos", "supervisor", None, {"RPTC-A"}),
        ("bp2mi", "supervisor", None, {"TNJ", "ENT"}),
        ("lks", "supervisor", None, {"LKS-B"}),
        ("kemensos", "shelter_staff", None, set[str]()),
        ("iom", "supervisor", None, set[str]()),
    ):
        for by in DIMENSIONS:
            answer = await as_staff(exchange, agency, role, place, by=by)
            told = {measure: values for measure, values in answer["figures"].items() if values}
            assert told == reckon(lives, by, ours), (agency, role, by)


async def test_who_may_ask_and_for_what(exchange: Exchange) -> None:
    period = {"from": "2026-03-01", "until": "2026-03-02"}
    allowed = {"administrator", "shelter_staff", "supervisor", "aid_officer"}
    for role in (*allowed, "reader", "integrator", "arrival_officer", "counsellor", "auditor"):
        answer = await exchange.get("/exchange/indicators/series", "kemensos", role, **period)
        assert answer.status_code == (200 if role in allowed else 403), role
    for wrong in (
        {"from": "2026-03-02", "until": "2026-03-01"},
        {"from": "2026-03-02", "until": "2027-03-03"},
        {"from": "2026-03-02"},
        period | {"by": "name"},
    ):
        answer = await exchange.get("/exchange/indicators/series", **wrong)
        assert answer.status_code == 422, wrong
    leap = await exchange.get("/exchange/indicators/series", **{"from": "2024-01-01", "until": "2024-12-31"})
    assert len(leap.json()["days"]) == 366
