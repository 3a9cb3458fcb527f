"""What is known of places (who runs them, their province, who gave to them), and each agency's view made from it."""

import hmac
from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from services.exchange.disclosure import AgencyView
from services.exchange.models import Agency, GivenTo, LogHead, Place
from services.exchange.policy import load_policies
from shared.database.models import table_of
from shared.database.prepared import Prepared, upserting
from shared.events.aid import DonationReceived
from shared.events.envelope import Event
from shared.events.facilities import FacilityOpened

SHARED_BY = 3
"""A province that fewer places share would give the place away."""
_OPAQUE_HEX = 20


def note_places(session: Session, events: Sequence[Event]) -> None:
    """Learn from a batch who runs which place, and who gave to which store; the last one told is the valid one."""
    places: dict[str, dict[str, str]] = {}
    given: set[tuple[str, str]] = set()
    for event in events:
        if event.type == FacilityOpened.TYPE:
            opened = FacilityOpened.model_validate(event.data or {})
            places[opened.facility] = {
                "code": opened.facility,
                "agency": opened.agency,
                "province": opened.regency[:2],
            }
        elif event.type == DonationReceived.TYPE:
            donation = DonationReceived.model_validate(event.data or {})
            if donation.donor_agency is not None:
                given.add((donation.donor_agency, donation.store))
    if not places and not given:
        return
    upserting(table_of(Place), ("code",), ("agency", "province")).write(
        session, [places[code] for code in sorted(places)]
    )
    upserting(table_of(GivenTo), ("agency", "store")).write(
        session, [{"agency": agency, "store": store} for agency, store in sorted(given)]
    )
    changed(session)


def changed(session: Session) -> None:
    """Views that were made before are made anew."""
    session.execute(update(LogHead).values(directory=col(LogHead.directory) + 1))


def opaque_id(key: bytes, agency: str, place: str) -> str:
    """What a place is called towards an agency that does not run it: one to one, the same for ever.

    Agencies differ, so that two of them cannot lay their streams side by side.
    """
    return "place-" + hmac.digest(key, f"{agency}|{place}".encode(), "sha256").hex()[:_OPAQUE_HEX]


def told_provinces(provinces: Mapping[str, str]) -> dict[str, str]:
    """Of the provinces by place, those that may be told: where enough places share one."""
    places_in = Counter(provinces.values())
    return {code: province for code, province in provinces.items() if places_in[province] >= SHARED_BY}


_VERSION = Prepared(select(table_of(LogHead).c.directory))


class Directory:
    """The views of all agencies, made anew when places or policies have changed. May be asked from any thread."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._names: dict[str, _OpaqueNames] = {}
        self._known: tuple[int, dict[str, AgencyView]] = (-1, {})

    def knows(self, session: Session, agency: str) -> bool:
        """Whether anything may go out to the agency now."""
        return self.view(session, agency) is not None

    def view(self, session: Session, agency: str, version: int | None = None) -> AgencyView | None:
        """One agency's view of the directory at `version`, which the session has read, else now; None for who is not
        among the members."""
        return self.members(session, version).get(agency)

    def members(self, session: Session, version: int | None = None) -> Mapping[str, AgencyView]:
        """The views of all to whom anything may go out: no stranger, none that has left, and none whose log is not
        whole yet."""
        if version is None:
            head = _VERSION.first(session)
            version = 0 if head is None else head.directory
        known, views = self._known
        if known != version:
            views = {agency: view for agency, view in self._load(session).items() if view.member}
            self._known = (version, views)
        return views

    def _load(self, session: Session) -> dict[str, AgencyView]:
        joining = set(session.scalars(select(col(Agency.agency)).where(col(Agency.joining_at).is_not(None))))
        runs: dict[str, set[str]] = {}
        provinces: dict[str, str] = {}
        for place in session.execute(select(table_of(Place))):
            runs.setdefault(place.agency, set()).add(place.code)
            provinces[place.code] = place.province
        gave: dict[str, set[str]] = {}
        for gift in session.execute(select(table_of(GivenTo))):
            gave.setdefault(gift.agency, set()).add(gift.store)
        told = told_provinces(provinces)
        return {
            agency: AgencyView(
                agency=agency,
                withheld=policy.all_withheld,
                withheld_fields=policy.all_withheld_fields,
                runs=frozenset(runs.get(agency, ())),
                gave_to=frozenset(gave.get(agency, ())),
                opaque=self._names.setdefault(agency, _OpaqueNames(self._key, agency)).__getitem__,
                province=told.get,
                member=policy.member and agency not in joining,
            )
            for agency, policy in load_policies(session).items()
        }


class _OpaqueNames(dict[str, str]):
    """Opaque ids by place; they never change, so they are kept."""

    def __init__(self, key: bytes, agency: str) -> None:
        super().__init__()
        self._key = key
        self._agency = agency

    def __missing__(self, place: str) -> str:
        name = self[place] = opaque_id(self._key, self._agency, place)
        return name
