"""Giving beds to a group, for a plan or for good: everyone gets one, or nobody does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import uuid_utils
from sqlalchemy import bindparam, delete, insert, update

from services.shelter.commands.board import BedBoard, BedPlace
from services.shelter.commands.known import KnownPerson, KnownStay
from services.shelter.commands.refusals import Refusals
from services.shelter.models import Facility, Segment, Stay
from services.shelter.problems import (
    BedNotChosen,
    BedTaken,
    BedUnknown,
    CaseUnknown,
    CheckedInAlready,
    NoBedFree,
    ReferralNeeded,
    SexRefused,
    StandsTwice,
    StaysOverlap,
)
from services.shelter.rules import Nights, admits
from services.shelter.schemas import BedChoice, SegmentView, StayView
from shared.database.models import table_of
from shared.http.problems import PersonErased
from shared.work import Work

_stays, _segments = table_of(Stay), table_of(Segment)

_COME_TRUE = (
    update(_stays)
    .where(_stays.c.stay_id == bindparam("of_stay"))
    .values({name: bindparam(f"to_{name}") for name in ("status", "from_date", "until_date", "reason")})
)
_NEW_STAYS, _NEW_SEGMENTS = insert(_stays), insert(_segments)


@dataclass(frozen=True, slots=True)
class Entry:
    """One person's nights, as asked for at place `at` of the request. `planned`: the stay was held before."""

    at: int
    stay_id: str
    case_id: str
    nights: Nights
    choice: BedChoice
    status: str
    reason: str | None = None
    planned: bool = False

    def pointer(self, field: str = "") -> str:
        return f"people/{self.at}/{field}" if field else f"people/{self.at}"


def none_twice(refused: Refusals, people: Sequence[Any]) -> None:
    """Each person, and each stay, stands in a request once."""
    for field in ("case_id", "stay_id"):
        seen: set[str] = set()
        for at, person in enumerate(people):
            value = getattr(person, field)
            if value is not None and value in seen:
                refused.add(StandsTwice, f"people/{at}/{field}")
            seen.add(value)


def enter(
    work: Work,
    place: Facility,
    entries: Sequence[Entry],
    people: Mapping[str, KnownPerson],
    known: Mapping[str, KnownStay],
    refused: Refusals,
) -> list[tuple[Entry, BedPlace]]:
    """Give each entry a bed and write stays and segments, set-based. The caller holds the shelter's lock.

    `people` and `known` come from `known_group`. Raises PersonErased, CaseUnknown, ReferralNeeded, CheckedInAlready,
    StaysOverlap, BedNotChosen, BedUnknown, SexRefused, BedTaken, NoBedFree, each with a pointer to every person
    concerned; and whatever `refused` holds already.
    """
    if not entries:
        refused.raise_any()
        return []
    for entry in entries:
        person = people.get(entry.case_id)
        if person is not None and person.erased:
            refused.add(PersonErased, entry.pointer("case_id"))
        elif person is None or person.sex is None:
            refused.add(CaseUnknown, entry.pointer("case_id"))
        elif not person.accepted:
            refused.add(ReferralNeeded, entry.pointer("case_id"))
    _nowhere_else(entries, people, known, refused)
    refused.raise_any()
    held_since = [known[entry.stay_id].nights.first for entry in entries if entry.planned]
    board = BedBoard(work.session, place.code, min(held_since + [entry.nights.first for entry in entries]))
    given = []
    # A planned stay comes first: it keeps its own bed, which a newcomer must not be given meanwhile.
    for entry in sorted(entries, key=lambda one: not one.planned):
        bed = _bed_for(board, entry, str(people[entry.case_id].sex), refused)
        if bed is not None:
            board.take(bed, entry.stay_id, entry.nights)
            given.append((entry, bed))
    refused.raise_any()
    given.sort(key=lambda pair: pair[0].at)
    _write(work, place, given)
    return given


def view_of(entry: Entry, bed: BedPlace, place: Facility) -> StayView:
    """The stay as `enter` wrote it."""
    first, until = entry.nights.first, entry.nights.until
    segment = SegmentView(bed_id=bed.bed_id, room=bed.room, room_type=bed.room_type, from_date=first, until_date=until)
    return StayView(
        stay_id=entry.stay_id,
        case_id=entry.case_id,
        facility=place.code,
        status=entry.status,
        from_date=first,
        until_date=until,
        reason=entry.reason,
        segments=[segment],
    )


def _nowhere_else(
    entries: Sequence[Entry], people: Mapping[str, KnownPerson], known: Mapping[str, KnownStay], refused: Refusals
) -> None:
    """A person has one bed a night, wherever it stands."""
    by_case: dict[str, list[KnownStay]] = {}
    for stay in known.values():
        by_case.setdefault(stay.case_id, []).append(stay)
    for entry in entries:
        for other in by_case.get(entry.case_id, ()) if entry.case_id in people else ():
            if other.stay_id != entry.stay_id and other.has_beds and entry.nights.overlaps(other.nights):
                refused.add(
                    CheckedInAlready if other.status == "checked_in" else StaysOverlap, entry.pointer("case_id")
                )
                break


def _bed_for(board: BedBoard, entry: Entry, sex: str, refused: Refusals) -> BedPlace | None:
    """The bed that is asked for, if it may be and is free; a planned stay keeps its own bed where it can."""
    held = board.release(entry.stay_id) if entry.planned else None
    if entry.choice.bed_id is not None:
        return _this_bed(board, entry, entry.choice.bed_id, sex, refused)
    room_type: str | None = entry.choice.room_type or (held.room_type if held is not None else None)
    if room_type is None:
        refused.add(BedNotChosen, entry.pointer())
        return None
    pointer = entry.pointer("room_type" if entry.choice.room_type else "")
    if not admits(room_type, sex):
        refused.add(SexRefused, pointer)
        return None
    if held is not None and held.room_type == room_type and board.is_free(held, entry.nights):
        return held
    found = board.first_free(room_type, entry.nights)
    if found is None:
        refused.add(NoBedFree, pointer)
    return found


def _this_bed(board: BedBoard, entry: Entry, bed_id: str, sex: str, refused: Refusals) -> BedPlace | None:
    bed, pointer = board.bed(bed_id), entry.pointer("bed_id")
    if bed is None:
        refused.add(BedUnknown, pointer)
    elif not admits(bed.room_type, sex):
        refused.add(SexRefused, pointer)
    elif not board.is_free(bed, entry.nights):
        refused.add(BedTaken, pointer)
    else:
        return bed
    return None


def _write(work: Work, place: Facility, given: Sequence[tuple[Entry, BedPlace]]) -> None:
    connection = work.session.connection()
    held = [entry for entry, _ in given if entry.planned]
    new = [_stay_row(entry, place) for entry, _ in given if not entry.planned]
    if held:
        connection.execute(delete(_segments).where(_segments.c.stay_id.in_([entry.stay_id for entry in held])))
        connection.execute(
            _COME_TRUE,
            [
                {
                    "of_stay": entry.stay_id,
                    "to_status": entry.status,
                    "to_from_date": entry.nights.first,
                    "to_until_date": entry.nights.until,
                    "to_reason": entry.reason,
                }
                for entry in held
            ],
        )
    if new:
        connection.execute(_NEW_STAYS, new)
    connection.execute(
        _NEW_SEGMENTS,
        [segment_row(entry.stay_id, entry.case_id, place.code, bed, entry.nights) for entry, bed in given],
    )


def _stay_row(entry: Entry, place: Facility) -> dict[str, Any]:
    return {
        "stay_id": entry.stay_id,
        "case_id": entry.case_id,
        "facility": place.code,
        "status": entry.status,
        "from_date": entry.nights.first,
        "until_date": entry.nights.until,
        "reason": entry.reason,
    }


def segment_row(stay_id: str, case_id: str, facility: str, bed: BedPlace, nights: Nights) -> dict[str, Any]:
    return {
        "segment_id": str(uuid_utils.uuid7()),
        "stay_id": stay_id,
        "case_id": case_id,
        "bed_id": bed.bed_id,
        "facility": facility,
        "from_date": nights.first,
        "until_date": nights.until,
    }
