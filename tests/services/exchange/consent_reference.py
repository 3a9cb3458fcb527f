"""What each agency may be told, said slowly and plainly: no line of it is shared with exchange.

It knows the events in the order in which exchange took them in, as dictionaries, and answers for any moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

Event = dict[str, Any]

CONSENT = "pulang.case.consent_changed.v1"
ERASED = "pulang.case.erased.v1"
OPENED = "pulang.facility.opened.v1"
STUB = "pulang.withheld.v1"
PLAIN = {
    "pulang.case.registered.v1": {"arrival_date", "sex", "age_band", "origin_regency", "destination_country"},
    "pulang.case.screened.v1": {"trafficking_status", "decided_by", "methods_of_control", "types_of_exploitation"},
    "pulang.stay.checked_in.v1": {"stay", "room_type", "on"},
    "pulang.stay.checked_out.v1": {"stay", "on", "reason"},
    "pulang.aid.issued.v1": {"issue", "item", "quantity", "on"},
    "pulang.psychosocial.session_recorded.v1": {"session", "layer", "kind", "on"},
}
"""What an agency may read as it is. Everything else is a place, or not for it."""
HIDDEN = "(hidden)"
PLACES = {"arrival_point", "facility", "store"}
ATTRIBUTES = ("id", "source", "time", "recordedtime", "streamversion")


@dataclass(frozen=True)
class Row:
    """A row of an agency's log: told from the event number `made` on, as long as `until` is not taken in."""

    event: int
    grant: int | None
    made: int
    until: int | None
    ending: bool
    gone: int | None = None
    """The erasure, behind which nothing of the case is told but itself."""

    def shown(self, taken: int) -> bool:
        """Whether it is told after so many events were taken in."""
        over = self.until is not None and taken > self.until
        erased = self.gone is not None and taken > self.gone
        return taken > self.made and not erased and (self.ending or not over)


class Reference:
    """One agency's log, from the events in the order in which they were taken in."""

    def __init__(self, agency: str, events: Sequence[Event], runs: set[str]) -> None:
        self.agency = agency
        self.events = events
        self.runs = runs
        self._numbers: dict[str, list[int]] = {}
        for number, event in enumerate(events):
            self._numbers.setdefault(event["subject"], []).append(number)
        self.rows = self._rows()

    def _rows(self) -> list[Row]:
        """Case by case, then in the order in which they were made."""
        rows = [row for numbers in self._numbers.values() for row in self._of_one(numbers)]
        return sorted(rows, key=lambda row: row.made)  # stable: a history stays in its order

    def _of_one(self, numbers: Sequence[int]) -> list[Row]:
        rows: list[Row] = []
        level, grant = "none", 0
        for at, number in enumerate(numbers):
            event = self.events[number]
            if event["type"] == OPENED:
                rows.append(Row(number, None, number, None, ending=False))
                continue
            if event["type"] == ERASED:
                rows = [replace(row, gone=number) for row in rows]
                rows += [Row(number, None, number, None, ending=True)] if grant else []
                level = "none"
                continue
            after = self._decided(event) or level
            if level == "none" and after == "none":
                continue
            if level == "none":
                grant += 1
                rows += [Row(earlier, grant, number, None, ending=False) for earlier in numbers[:at]]
            ends = after == "none"
            if ends:
                rows = [replace(row, until=number) if row.grant == grant else row for row in rows]
            rows.append(Row(number, grant, number, number if ends else None, ending=ends))
            level = after
        return rows

    def _decided(self, event: Event) -> str | None:
        found = (
            [one["level"] for one in event["data"]["decisions"] if one["agency"] == self.agency]
            if (event["type"] == CONSENT)
            else []
        )
        return found[-1] if found else None

    def _level_before(self, number: int) -> str:
        """What held for the agency before an event of its case: found by going through all of them."""
        level = "none"
        for earlier in self._numbers[self.events[number]["subject"]]:
            if earlier < number:
                level = self._decided(self.events[earlier]) or level
        return level

    def told(self, row: Row) -> Event:
        """What such a row says, wherever it is told."""
        event = self.events[row.event]
        subject = event["subject"]
        base = {name: event[name] for name in ATTRIBUTES} | {"specversion": "1.0"}
        if row.grant is not None:
            base["grant"] = row.grant
        stub = base | {"type": STUB, "subject": subject, "partitionkey": subject}
        if event["type"] == OPENED:
            if subject in self.runs:
                return base | self._rest(event, subject, event["data"])
            return stub | {"subject": HIDDEN, "partitionkey": HIDDEN}
        if event["type"] == ERASED:
            return base | self._rest(event, subject, {})
        if event["type"] == CONSENT:
            own = [one for one in event["data"]["decisions"] if one["agency"] == self.agency]
            if not own or (own[-1]["level"] == "none" and not row.ending):
                return stub
            data: dict[str, Any] = {"decisions": own, "given_by": event["data"]["given_by"]}
            if row.ending:
                data["deletion_requested"] = "case"
            elif (self._level_before(row.event), own[-1]["level"]) == ("identified", "pseudonymous"):
                data["deletion_requested"] = "identity"
            return base | self._rest(event, subject, data)
        data = {name: value for name, value in event["data"].items() if name in PLAIN[event["type"]]}
        data |= {name: self._place(value) for name, value in event["data"].items() if name in PLACES}
        return base | self._rest(event, subject, data)

    def _rest(self, event: Event, subject: str, data: dict[str, Any]) -> Event:
        return {
            "type": event["type"],
            "subject": subject,
            "partitionkey": subject,
            "datacontenttype": "application/json",
            "dataschema": f"urn:pulang:schema:{event['type']}",
            "data": data,
        }

    def _place(self, place: str) -> str:
        return place if place in self.runs else HIDDEN


def hidden(event: Event) -> Event:
    """What was told, with every opaque place as one: its name is a secret of exchange's."""
    told = {
        name: HIDDEN if name in ("subject", "partitionkey") and str(value).startswith("place-") else value
        for name, value in event.items()
    }
    if "data" in event:
        told["data"] = {
            name: HIDDEN if name in PLACES and str(value).startswith("place-") else value
            for name, value in event["data"].items()
            if not name.endswith("_province")
        }
    return told
