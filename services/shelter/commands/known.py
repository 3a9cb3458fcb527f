"""The stays and people that a command is about, as they are known now. The caller holds the shelter's lock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import bindparam, exists, or_, select

from services.shelter.commands.places import shelter_of
from services.shelter.models import Case, Facility, Referral, Stay
from services.shelter.problems import FacilityUnknown, StayUnknown
from services.shelter.rules import Nights
from shared.database.models import table_of
from shared.work import Work

_stays, _cases, _referrals = table_of(Stay), table_of(Case), table_of(Referral)

# Built once: every group runs these, and building a statement takes longer than running it.
_STAYS = select(_stays).where(
    or_(
        _stays.c.stay_id.in_(bindparam("stay_ids", expanding=True)),
        _stays.c.case_id.in_(bindparam("case_ids", expanding=True)),
    )
)
_asked = exists().where(_referrals.c.case_id == _cases.c.case_id, _referrals.c.facility == bindparam("at_facility"))
_PEOPLE = (
    select(
        _cases.c.case_id,
        _cases.c.sex,
        _cases.c.erased,
        _asked.where(_referrals.c.status == "accepted").label("accepted"),
    )
    .where(_cases.c.case_id.in_(bindparam("case_ids", expanding=True)), _asked)
    .order_by(_cases.c.case_id)
    .with_for_update(of=_cases)
)


@dataclass(frozen=True, slots=True)
class KnownStay:
    """A stay as it stands, wherever it is."""

    stay_id: str
    case_id: str
    facility: str
    status: str
    nights: Nights

    @property
    def has_beds(self) -> bool:
        """A plan that was given up has none."""
        return self.status in ("planned", "checked_in", "checked_out")


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """What decides whether a person may have a bed, and which. `sex` is None until the registration is known."""

    sex: str | None
    accepted: bool
    erased: bool = False


class Named(Protocol):
    """A member of a request's group."""

    @property
    def case_id(self) -> str: ...

    @property
    def stay_id(self) -> str | None: ...


def known_group(
    work: Work, facility: str, group: Sequence[Named]
) -> tuple[dict[str, KnownPerson], dict[str, KnownStay]]:
    """The people, locked, and only then the stays: nobody else gives one of them a bed in between."""
    case_ids = [one.case_id for one in group]
    people = known_people(work, facility, case_ids)
    return people, known_stays(work, [one.stay_id for one in group], case_ids)


def known_people(work: Work, facility: str, case_ids: Iterable[str]) -> dict[str, KnownPerson]:
    """By case, those whom the shelter was ever asked to take in: of anybody else it is told nothing.

    Their rows are locked, so that a person is given one bed at a time.
    """
    wanted = {"case_ids": sorted(set(case_ids)), "at_facility": facility}
    return {
        row.case_id: KnownPerson(row.sex, bool(row.accepted), bool(row.erased))
        for row in work.session.execute(_PEOPLE, wanted)
    }


def known_stays(work: Work, stay_ids: Sequence[str | None], case_ids: Iterable[str] = ()) -> dict[str, KnownStay]:
    """By id, the stays that the request names and those of the people that it names, wherever they are."""
    named = sorted({stay_id for stay_id in stay_ids if stay_id is not None})
    rows = work.session.execute(_STAYS, {"stay_ids": named, "case_ids": sorted(set(case_ids))})
    return {
        row.stay_id: KnownStay(
            row.stay_id, row.case_id, row.facility, row.status, Nights(row.from_date, row.until_date)
        )
        for row in rows
    }


def stay_in_scope(work: Work, stay_id: str) -> tuple[KnownStay, Facility]:
    """The stay and its shelter, which is locked. Raises StayUnknown."""
    found = known_stays(work, [stay_id])
    if not found:
        raise StayUnknown
    try:
        place = shelter_of(work, found[stay_id].facility, None)
    except FacilityUnknown:
        raise StayUnknown from None
    return known_stays(work, [stay_id])[stay_id], place
