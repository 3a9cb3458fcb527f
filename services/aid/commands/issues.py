"""Handing goods to people: everyone in the request gets theirs, or nobody."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from services.aid.commands.ledger import Line, enter, known_entries, on_shelf
from services.aid.commands.places import Moment, happened, own_store
from services.aid.models import Case, Entry, Store
from services.aid.problems import CaseUnknown, IdTaken, NotInStock, TwiceInRequest
from services.aid.rules import left_without
from services.aid.schemas.issues import IssueAid, Issues, IssueView, Recipient
from shared.events.aid import AidIssued
from shared.http.faults import Fault
from shared.work import Work


def issue_aid(work: Work, body: IssueAid) -> Issues:
    """Hand an item to each of the people. Who was given it under the same id is answered as it stands.

    Aid may be entered late, so it does not matter whether the case is closed by now. Raises StoreUnknown,
    CaseUnknown, TwiceInRequest, IdTaken, NotInStock, ImpossibleDate.
    """
    store = own_store(work, body.store, "#/store")
    when = happened(work, body.occurred_at, store)
    _each_id_once(body.people)
    there = on_shelf(work, store, body.item)
    given = known_entries(work, [person.issue_id for person in body.people])
    _same_as_given(body, when, given)
    new = [(at, person) for at, person in enumerate(body.people) if person.issue_id not in given]
    short = left_without([person.quantity for _, person in new], there)
    if short:
        raise NotInStock(
            f"{there} in stock", errors=[Fault("not enough in stock", f"#/people/{new[at][0]}") for at in short]
        )
    # Last: whether there is a case is learnt only by handing goods over, which stands in the ledger.
    _all_known(work, body.people)
    if new:
        _hand_over(work, store, body.item, [person for _, person in new], when)
    return Issues(
        issues=[
            IssueView(
                issue_id=person.issue_id,
                case_id=person.case_id,
                store=store.code,
                item=body.item,
                quantity=person.quantity,
                on=when.on,
            )
            for person in body.people
        ]
    )


def _hand_over(work: Work, store: Store, item: str, people: Sequence[Recipient], when: Moment) -> None:
    lines = [Line(person.issue_id, person.case_id, -person.quantity) for person in people]
    enter(work, store, item, "issued", lines, when)
    for person in people:
        fact = AidIssued(issue=person.issue_id, store=store.code, item=item, quantity=person.quantity, on=when.on)
        work.record(person.case_id, fact, when.at)


def _each_id_once(people: Sequence[Recipient]) -> None:
    seen: set[str] = set()
    twice = []
    for at, person in enumerate(people):
        if person.issue_id in seen:
            twice.append(Fault("stands twice in the request", f"#/people/{at}/issue_id"))
        seen.add(person.issue_id)
    if twice:
        raise TwiceInRequest(errors=twice)


def _all_known(work: Work, people: Sequence[Recipient]) -> None:
    asked = sorted({person.case_id for person in people})
    known = set(work.session.scalars(select(col(Case.case_id)).where(col(Case.case_id).in_(asked))))
    unknown = [
        Fault("no such case", f"#/people/{at}/case_id")
        for at, person in enumerate(people)
        if person.case_id not in known
    ]
    if unknown:
        raise CaseUnknown(errors=unknown)


def _same_as_given(body: IssueAid, when: Moment, given: dict[str, Entry]) -> None:
    """Raises IdTaken for each id under which something else was entered."""
    other = []
    for at, person in enumerate(body.people):
        entry = given.get(person.issue_id)
        wanted = (body.store, body.item, "issued", person.case_id, -person.quantity, when.on)
        if entry is not None and wanted != (
            entry.store,
            entry.item,
            entry.kind,
            entry.ref_id,
            entry.change,
            entry.on_date,
        ):
            other.append(Fault("this id was used for something else", f"#/people/{at}/issue_id"))
    if other:
        raise IdTaken(errors=other)


def issue_view(entry: Entry) -> IssueView:
    return IssueView(
        issue_id=entry.entry_id,
        case_id=entry.ref_id,
        store=entry.store,
        item=entry.item,
        quantity=-entry.change,
        on=entry.on_date,
    )
