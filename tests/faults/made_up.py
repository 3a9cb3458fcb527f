"""A small run in which everything went well, made by hand: what the checker must find nothing wrong with."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.faults.books import Books, Line, Logged, Nights, takes_in
from tests.faults.checker import CONSUMERS
from tests.faults.history import Effect, History, Operation, Outcome

ANN, BEN = "case-ann", "case-ben"
STORE, ITEM = "SHELTER", "kit"
NOON = "2026-01-01T05:00:00.000000Z"
CONSENT = "case.consent_changed"


@dataclass(slots=True)
class Run:
    """A history, the books after it, and what two agencies read. Tests plant one fault in it."""

    history: History = field(default_factory=History)
    books: Books = field(default_factory=Books)
    told: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"iom": [], "kemensos": []})

    def does(
        self,
        service: str,
        fact: str,
        subject: str,
        mark: str = "",
        data: Mapping[str, Any] | None = None,
        levels: Mapping[str, str] | None = None,
    ) -> Operation:
        """Asked for, acknowledged and recorded."""
        timed = fact in ("case.screened", CONSENT)
        when = f"2026-01-01T05:00:{len(self.books.log):02}.000000Z" if timed else NOON
        operation = Operation(
            fact, (Effect(fact, subject, when if timed else mark),), levels or {}, Outcome.ACKNOWLEDGED
        )
        self.history.operations.append(operation)
        self.records(service, fact, subject, data or {}, when)
        return operation

    def records(
        self, service: str, fact: str, subject: str, data: Mapping[str, Any], when: str = NOON
    ) -> dict[str, Any]:
        source = f"/pulang/{service}"
        version = self.books.streams.get((source, subject), 0) + 1
        self.books.streams[source, subject] = version
        event = {
            "id": f"e{len(self.books.log)}",
            "source": source,
            "type": f"pulang.{fact}.v1",
            "subject": subject,
            "time": when,
            "streamversion": version,
            "data": dict(data),
        }
        operations = fact.split(".")[0] in ("donation", "stock", "facility")
        topic = "pulang.operations" if operations else "pulang.lifecycle"
        self.books.log.append(Logged(source, len(self.books.log) + 1, topic, event))
        for consumer in CONSUMERS:
            if takes_in(consumer, source):
                self.books.marks.setdefault(consumer, {})[source, subject] = version
        return event

    def tell(self) -> None:
        """Each agency reads what it may: operations; of Ann and Ben what their consents say."""
        for agency, heard in self.told.items():
            grants: dict[str, int] = {}
            past: dict[str, list[dict[str, Any]]] = {}
            live: set[str] = set()
            for logged in self.books.log:
                event = copy.deepcopy(dict(logged.event))
                if logged.topic == "pulang.operations":
                    heard.append(event)
                    continue
                case = event["subject"]
                level = self._level(agency, event)
                if level not in (None, "none") and case not in live:
                    live.add(case)
                    grants[case] = grants.get(case, 0) + 1
                    heard += [one | {"grant": grants[case]} for one in past.get(case, [])]
                past.setdefault(case, []).append(_stub(event) if level == "none" else event)
                if case in live:
                    if level == "none":
                        live.discard(case)
                        event["data"]["deletion_requested"] = "case"
                    heard.append(event | {"grant": grants[case]})

    def _level(self, agency: str, event: Mapping[str, Any]) -> str | None:
        decisions = event["data"].get("decisions", ())
        return next((one["level"] for one in decisions if one["agency"] == agency), None)


def _stub(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "data"} | {"type": "pulang.withheld.v1"}


def decides(run: Run, case: str, **levels: str) -> Operation:
    decisions = [{"agency": agency, "level": level} for agency, level in levels.items()]
    return run.does("intake", CONSENT, case, data={"decisions": decisions}, levels=levels)


def a_good_run() -> Run:
    """Ann is followed by both agencies; Ben by IOM, withdrawn and granted again; both stay in one bed in turn."""
    run = Run()
    run.books.beds = 1
    run.does("aid", "donation.pledged", "gift")
    run.does(
        "aid", "donation.received", "gift", data={"store": STORE, "item": ITEM, "quantity": 3, "donor_agency": "iom"}
    )
    for person, levels in ((ANN, {"iom": "identified", "kemensos": "pseudonymous"}), (BEN, {"iom": "identified"})):
        run.does("intake", "case.registered", person)
        run.does("intake", "case.screened", person)
        decides(run, person, **levels)
        run.books.cases.add(person)
    _stays(run, ANN, date(2026, 1, 1), date(2026, 1, 3))
    decides(run, BEN, iom="none")
    _stays(run, BEN, date(2026, 1, 3), None)
    decides(run, BEN, iom="pseudonymous")
    run.does("aid", "aid.issued", ANN, "i1", {"issue": "i1", "store": STORE, "item": ITEM, "quantity": 2})
    run.does("psychosocial", "psychosocial.session_recorded", ANN, "s1", {"session": "s1"})
    run.books.sessions.add("s1")
    run.books.ledger = [Line(1, "gift", STORE, ITEM, 3, "received"), Line(2, "i1", STORE, ITEM, -2, "issued")]
    run.books.stock = {(STORE, ITEM): 1}
    run.books.indicators = {"cases": 2, "stays": 2, "issued": 2, "sessions": 1}
    run.history.begin("stay.checked_in", [Effect("stay.checked_in", ANN, "never")]).outcome = Outcome.REFUSED
    run.history.begin("case.closed", [Effect("case.closed", ANN, NOON)]).outcome = Outcome.UNKNOWN
    run.tell()
    return run


def _stays(run: Run, case: str, first: date, until: date | None) -> None:
    stay = f"stay-{case}"
    run.does("shelter", "stay.checked_in", case, stay, {"stay": stay, "on": first.isoformat()})
    if until is not None:
        run.does("shelter", "stay.checked_out", case, stay, {"stay": stay, "on": until.isoformat()})
    run.books.stays[stay] = (case, "checked_in" if until is None else "checked_out")
    run.books.nights.append(Nights("bed", case, stay, first, until))
