"""Donations: promised, then on the shelf."""

import uuid_utils
from sqlalchemy import select
from sqlmodel import col

from services.aid.commands.consignments import add_new, known_as, same
from services.aid.commands.ledger import Line, enter, on_shelf
from services.aid.commands.places import Moment, happened, own_store
from services.aid.models import Donation
from services.aid.problems import DonationIsStocked, DonationUnknown, IdTaken
from services.aid.queries import stores_in_scope
from services.aid.schemas.donations import DonationView, PledgeDonation, ReceiveDonation
from shared.events.aid import DonationPledged, DonationReceived
from shared.work import Work


def pledge_donation(work: Work, body: PledgeDonation) -> DonationView:
    """Note what a donor promised. The same donation again is answered as it stands.

    Raises StoreUnknown, IdTaken, ImpossibleDate.
    """
    store = own_store(work, body.store, "#/store")
    when = happened(work, body.occurred_at, store)
    wanted = body.model_dump(exclude={"id", "occurred_at", "agency"}) | {"agency": body.agency or store.agency}
    known = known_as(work, Donation, body.id)
    if known is not None:
        if not same(known, **wanted, pledged_on=when.on):
            raise IdTaken(pointer="#/id")
        return donation_view(known)
    donation = Donation(donation_id=body.id, **wanted, pledged_at=when.at, pledged_on=when.on)
    add_new(work, donation, body.id)
    fact = DonationPledged(
        donor=donation.donor,
        agency=donation.agency,
        item=donation.item,
        quantity=donation.quantity,
        store=donation.store,
        donor_agency=donation.donor_agency,
    )
    work.record(body.id, fact, when.at)
    return donation_view(donation)


def receive_donation(work: Work, donation_id: str, body: ReceiveDonation) -> DonationView:
    """The goods are counted and on the shelf. The same receipt again is answered as it stands.

    Raises DonationUnknown, DonationIsStocked (with another quantity), ImpossibleDate.
    """
    donation = work.session.scalars(
        select(Donation)
        .where(col(Donation.donation_id) == donation_id, col(Donation.store).in_(stores_in_scope(work.caller)))
        .with_for_update()
    ).one_or_none()
    if donation is None:
        raise DonationUnknown
    store = own_store(work, donation.store)
    quantity = body.quantity or donation.quantity
    when = happened(work, body.occurred_at, store, since=Moment(donation.pledged_at, donation.pledged_on))
    if donation.status == "stocked":
        if donation.received != quantity:
            raise DonationIsStocked(pointer="#/quantity")
        return donation_view(donation)
    on_shelf(work, store, donation.item)
    enter(work, store, donation.item, "received", [Line(str(uuid_utils.uuid7()), donation_id, quantity)], when)
    donation.status, donation.received, donation.received_on = "stocked", quantity, when.on
    fact = DonationReceived(
        donor=donation.donor,
        item=donation.item,
        quantity=quantity,
        store=donation.store,
        on=when.on,
        donor_agency=donation.donor_agency,
    )
    work.record(donation_id, fact, when.at)
    return donation_view(donation)


def donation_view(donation: Donation) -> DonationView:
    return DonationView(**donation.model_dump(exclude={"pledged_at"}))
