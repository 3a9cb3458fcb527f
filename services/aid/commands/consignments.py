"""Donations, requests and shipments share one space of ids with the cases: each id is the subject of one stream."""

from typing import TypeVar

from sqlalchemy import exists, insert, literal, select
from sqlmodel import SQLModel, col

from services.aid.models import Case, Donation, Request, Shipment
from services.aid.problems import IdTaken
from shared.database.holding import hold
from shared.database.models import table_of
from shared.work import Work

Consignment = TypeVar("Consignment", Donation, Request, Shipment)


def known_as(work: Work, kind: type[Consignment], asked_id: str) -> Consignment | None:
    """What of that kind has the id; held until the commit, for no constraint spans the tables that share the ids."""
    hold(work.session, "aid", [asked_id.encode()])
    return work.session.get(kind, asked_id)


def add_new(work: Work, row: Donation | Request | Shipment, new_id: str) -> None:
    """Store what is new under a client's id; `known_as` found nothing. Raises IdTaken (something else has it)."""
    columns = (col(Case.case_id), col(Donation.donation_id), col(Request.request_id), col(Shipment.shipment_id))
    held = [exists(select(literal(1)).where(column == new_id)) for column in columns]
    if any(work.session.execute(select(*held)).one()):
        raise IdTaken(pointer="#/id")
    work.session.execute(insert(table_of(type(row))).values(row.model_dump()))


def same(known: SQLModel, **wanted: object) -> bool:
    """Whether what is known under an id is what is asked for again."""
    return all(getattr(known, name) == value for name, value in wanted.items())
