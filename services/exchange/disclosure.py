"""Who sees what (DESIGN 6): one pure function, and every way out goes through it at the moment of sending."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from services.exchange.redaction import PROVINCE, Plan, plan_of
from shared.codes import ConsentLevel
from shared.events.envelope import Event
from shared.events.exchange import Withheld
from shared.events.fact import LIFECYCLE, OPERATIONS
from shared.events.intake import CaseErased, ConsentChanged

Level = ConsentLevel | Literal["public"]
"""How far an agency may follow: a case by the person's consent, operations as `public`."""

_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_LIKE_A_PLACE = re.compile(rf"(?!{_UUID}$)[A-Z0-9][A-Z0-9-]{{1,39}}")


@dataclass(frozen=True, slots=True)
class AgencyView:
    """What decides what one agency sees, as it stands now."""

    agency: str
    withheld: frozenset[str]
    """Types that policy withholds."""
    withheld_fields: Mapping[str, frozenset[str]]
    """By type: fields that policy withholds."""
    runs: frozenset[str]
    """Places that it runs."""
    gave_to: frozenset[str]
    """Stores that it gave goods to."""
    opaque: Callable[[str], str]
    """What a place is called towards this agency where it does not run it: one to one, the same for ever."""
    province: Callable[[str], str | None]
    """The province of a place, where at least three places share it."""
    member: bool = True
    """False for an agency that has left the exchange."""

    def name_of(self, place: str) -> str:
        """In clear for who runs the place."""
        return place if place in self.runs else self.opaque(place)

    def province_of(self, place: str) -> str | None:
        """What may stand beside an opaque place."""
        return None if place in self.runs else self.province(place)


def disclose(agency: AgencyView, event: Event, level_before: Level, level_after: Level) -> Event | None:
    """The event as the agency may have it: a redacted copy, a stub in its place, or None where there is nothing.

    The levels are those between the case and the agency around the event; they differ on changes of consent alone.
    For operations both are `public`. A type that this version does not know is a stub. To an agency that has left the
    exchange nothing is told, and to none what is between the services. That a person was erased is told at every level,
    and belongs to no grant: whose log it stands in had something of the case once.
    """
    if not agency.member:
        return None
    plan = plan_of(event.type)
    if plan is not None and plan.fact.BETWEEN_SERVICES:
        return None
    if plan is not None and plan.fact is CaseErased:
        return _copy(agency, event._replace(grant=None), _subject(agency, event), {})
    if level_after == "public":
        shown = plan is not None and plan.fact.TOPIC == OPERATIONS and event.type not in agency.withheld
        data = event.data or {}
        if plan is None or not shown or not _concerns(agency, plan, data):
            return _stub(agency, event, _subject(agency, event))
        return _copy(agency, event, _subject(agency, event), _redacted(agency, plan, data))
    if plan is not None and plan.fact is ConsentChanged:
        return _consent(agency, event, plan, level_before, level_after)
    if level_after == "none":
        return None
    if plan is None or plan.fact.TOPIC != LIFECYCLE or event.type in agency.withheld:
        return _stub(agency, event, _subject(agency, event))
    return _copy(agency, event, event.subject, _redacted(agency, plan, event.data or {}))


def what_to_delete(level_before: Level, level_after: Level) -> Literal["case", "identity"] | None:
    """What an agency is asked to delete when its level changes so."""
    if level_after == "none" and level_before != "none":
        return "case"
    return "identity" if level_before == "identified" and level_after == "pseudonymous" else None


def _consent(agency: AgencyView, event: Event, plan: Plan, level_before: Level, level_after: Level) -> Event | None:
    """An agency sees its own decision alone.

    A copy that says `none` asks for deletion, so it is shown for the ending of this very grant and never otherwise: an
    earlier ending or refusal in the history of a later grant is a stub.
    """
    own = _own_decision(agency, event)
    ends = level_after == "none"
    if ends and (level_before == "none" or own is None or own.get("level") != "none"):
        return None
    if own is None or (not ends and own.get("level") == "none"):
        return _stub(agency, event, event.subject)
    data = _redacted(agency, plan, event.data or {})
    data.pop("deletion_requested", None)
    if (asks := what_to_delete(level_before, level_after)) is not None:
        data["deletion_requested"] = asks
    return _copy(agency, event, event.subject, data)


def _own_decision(agency: AgencyView, event: Event) -> Mapping[str, Any] | None:
    """The last decision about this agency in the event: the one that holds."""
    decisions = (event.data or {}).get("decisions")
    own = None
    for decision in decisions if isinstance(decisions, list | tuple) else ():
        if isinstance(decision, Mapping) and decision.get("agency") == agency.agency:
            own = decision
    return own


def _concerns(agency: AgencyView, plan: Plan, data: Mapping[str, Any]) -> bool:
    """Operations of the places that it runs, of the stores that it runs or gave to."""
    if any(_is_in(data.get(field), agency.runs) for field in plan.places):
        return True
    if not plan.stores:
        return False
    return data.get("donor_agency") == agency.agency or any(
        _is_in(data.get(field), agency.gave_to) for field in plan.stores
    )


def _is_in(value: object, places: frozenset[str]) -> bool:
    return isinstance(value, str) and value in places


def _redacted(agency: AgencyView, plan: Plan, data: Mapping[str, Any]) -> dict[str, Any]:
    left = plan.redact(data, agency.name_of, agency.province_of)
    for name in plan.per_agency:
        if name in left:
            left[name] = [
                entry for entry in left[name] if isinstance(entry, dict) and entry.get("agency") == agency.agency
            ]
    for name in agency.withheld_fields.get(plan.fact.TYPE, ()):
        left.pop(name, None)
        left.pop(name + PROVINCE, None)
    return left


def _subject(agency: AgencyView, event: Event) -> str:
    """A subject that could be a place is taken for one, whatever the type says; a case id is a UUID."""
    return agency.name_of(event.subject) if _LIKE_A_PLACE.fullmatch(event.subject) else event.subject


def _copy(agency: AgencyView, event: Event, subject: str, data: dict[str, Any]) -> Event:
    return Event(
        id=event.id,
        source=event.source,
        type=event.type,
        subject=subject,
        time=event.time,
        recordedtime=event.recordedtime,
        streamversion=event.streamversion,
        data=data,
        grant=event.grant,
        correlationid=_without_place(agency, event.correlationid),
        causationid=_without_place(agency, event.causationid),
        traceparent=event.traceparent,
    )


def _stub(agency: AgencyView, event: Event, subject: str) -> Event:
    """All required attributes and nothing else, so that versions stay gapless."""
    return Event(
        id=event.id,
        source=event.source,
        type=Withheld.TYPE,
        subject=subject,
        time=event.time,
        recordedtime=event.recordedtime,
        streamversion=event.streamversion,
        grant=event.grant,
    )


def _without_place(agency: AgencyView, attribute: str | None) -> str | None:
    """Ids of causes are event ids; one that could be a place is named as the agency may know it."""
    if attribute is None or not _LIKE_A_PLACE.fullmatch(attribute):
        return attribute
    return agency.name_of(attribute)
