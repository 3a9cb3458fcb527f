"""Another bed."""

from sqlalchemy import insert, select, update
from sqlmodel import col

from services.shelter.commands.board import BedBoard, BedPlace
from services.shelter.commands.entering import segment_row
from services.shelter.commands.known import KnownStay, stay_in_scope
from services.shelter.commands.places import happened
from services.shelter.models import Bed, Case, Room, Segment
from services.shelter.problems import (
    BedNotChosen,
    BedTaken,
    BedUnknown,
    ImpossibleDate,
    NoBedFree,
    SexRefused,
    StayIsOver,
)
from services.shelter.queries.stays import stays_of
from services.shelter.rules import Nights, admits
from services.shelter.schemas import MoveStay, StayView
from shared.database.models import table_of
from shared.events.shelter import StayMoved
from shared.work import Work


def move_stay(work: Work, stay_id: str, body: MoveStay) -> StayView:
    """Another bed from the night of `on` up to the next move, or to the end; may be entered late.

    Where the person sleeps there from that night already, nothing changes. Raises StayUnknown, StayIsOver,
    ImpossibleDate, BedNotChosen, BedUnknown, SexRefused, BedTaken, NoBedFree.
    """
    stay, place = stay_in_scope(work, stay_id)
    if body.room_type is None and body.bed_id is None:
        raise BedNotChosen
    if stay.status not in ("checked_in", "checked_out"):
        raise StayIsOver(f"the stay is {stay.status}")
    occurred = happened(work, place, body.on, "#/on")
    found = work.session.execute(
        select(Segment, col(Room.room_type))
        .join(Bed, col(Bed.bed_id) == col(Segment.bed_id))
        .join(Room, col(Room.room_id) == col(Bed.room_id))
        .where(
            col(Segment.stay_id) == stay_id,
            col(Segment.from_date) <= body.on,
            col(Segment.until_date).is_(None) | (col(Segment.until_date) > body.on),
        )
    ).one_or_none()
    if found is None:
        raise ImpossibleDate("the person does not sleep here on that night", pointer="#/on")
    segment, room_type = found
    there_already = segment.bed_id == body.bed_id or (room_type == body.room_type and segment.from_date == body.on)
    if not there_already:
        bed = _chosen(work, stay, body, Nights(body.on, segment.until_date))
        _change_bed(work, stay, segment, bed, body)
        work.record(
            stay.case_id,
            StayMoved(stay=stay_id, facility=place.code, room_type=bed.room_type, on=body.on),
            occurred,
        )
    return stays_of(work.session, [stay_id])[stay_id]


def _change_bed(work: Work, stay: KnownStay, segment: Segment, bed: BedPlace, body: MoveStay) -> None:
    """The nights before `on` stay as they were; where there are none, the whole segment changes its bed."""
    segments = table_of(Segment)
    this = update(segments).where(segments.c.segment_id == segment.segment_id)
    if segment.from_date == body.on:
        work.session.execute(this.values(bed_id=bed.bed_id))
        return
    rest = Nights(body.on, segment.until_date)
    work.session.execute(this.values(until_date=body.on))
    work.session.execute(insert(segments), [segment_row(stay.stay_id, stay.case_id, stay.facility, bed, rest)])


def _chosen(work: Work, stay: KnownStay, body: MoveStay, nights: Nights) -> BedPlace:
    board = BedBoard(work.session, stay.facility, nights.first)
    field = "bed_id" if body.bed_id is not None else "room_type"
    pointer = f"#/{field}"
    if body.bed_id is not None:
        bed = board.bed(body.bed_id)
        if bed is None:
            raise BedUnknown(pointer=pointer)
        room_type = bed.room_type
    else:
        bed, room_type = None, str(body.room_type)
    sex = work.session.scalars(select(col(Case.sex)).where(col(Case.case_id) == stay.case_id)).one()
    if not admits(room_type, str(sex)):
        raise SexRefused(pointer=pointer)
    if bed is None:
        bed = board.first_free(room_type, nights)
        if bed is None:
            raise NoBedFree(pointer=pointer)
    elif not board.is_free(bed, nights):
        raise BedTaken(pointer=pointer)
    return bed
