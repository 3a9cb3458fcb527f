"""Donations, requests and shipments share one space of ids with the cases: each id is the subject of one stream."""

from sqlalchemy import exists, insert, literal, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel, col

from services.aid.models import Case, Donation, Request, Shipment
from services.aid.problems import IdTaken
from shared.database.models import table_of
from shared.work import Work


def add_new(work: Work, row: Donation | Request | Shipment, new_id: str) -> None:
    """Store what is new under a client's id. Raises IdTaken (something else has it, or had it at the same time)."""
    columns = (col(Case.case_id), col(Donation.donation_id), col(Request.request_id), col(Shipment.shipment_id))
    held = [exists(select(literal(1)).where(column == new_id)) for column in columns]
    if any(work.session.execute(select(*held)).one()):
        raise IdTaken(pointer="#/id")
    try:
        with work.session.begin_nested():
            work.session.execute(insert(table_of(type(row))).values(row.model_dump()))
    except IntegrityError:
        raise IdTaken(pointer="#/id") from None


def same(known: SQLModel, **wanted: object) -> bool:
    """Whether what is known under an id is what is asked for again."""
    return all(getattr(known, name) == value for name, value in wanted.items())
