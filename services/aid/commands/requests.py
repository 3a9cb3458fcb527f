"""Requests: a store asks another, which approves or rejects."""

from sqlalchemy import select
from sqlmodel import col

from services.aid.commands.consignments import add_new, known_as, same
from services.aid.commands.places import Moment, any_store, happened, own_store
from services.aid.models import Request
from services.aid.problems import IdTaken, MoreThanThereIs, RequestDecided, RequestUnknown, SameStore
from services.aid.queries import stores_in_scope
from services.aid.schemas.requests import ApproveRequest, RejectRequest, RequestView, SubmitRequest
from shared.events.aid import RequestApproved, RequestRejected, RequestSubmitted
from shared.work import Work


def submit_request(work: Work, body: SubmitRequest) -> RequestView:
    """A store in the caller's scope asks another. The same request again is answered as it stands.

    Raises StoreUnknown, SameStore, IdTaken, ImpossibleDate.
    """
    store = own_store(work, body.to_store, "#/to_store")
    any_store(work, body.from_store, "#/from_store")
    if body.from_store == body.to_store:
        raise SameStore(pointer="#/from_store")
    when = happened(work, body.occurred_at, store)
    wanted = body.model_dump(exclude={"id", "occurred_at"})
    known = known_as(work, Request, body.id)
    if known is not None:
        if not same(known, **wanted, submitted_on=when.on):
            raise IdTaken(pointer="#/id")
        return request_view(known)
    request = Request(request_id=body.id, **wanted, submitted_at=when.at, submitted_on=when.on)
    add_new(work, request, body.id)
    work.record(body.id, RequestSubmitted(**wanted), when.at)
    return request_view(request)


def approve_request(work: Work, request_id: str, body: ApproveRequest) -> RequestView:
    """The asked store will send all of it, or fewer. The same answer again is answered as it stands.

    Raises RequestUnknown, RequestDecided, MoreThanThereIs (than was asked for), ImpossibleDate.
    """
    request = asked(work, request_id)
    quantity = body.quantity or request.quantity
    if quantity > request.quantity:
        raise MoreThanThereIs("more than was asked for", pointer="#/quantity")
    if request.approval == "approved" and request.approved == quantity:
        return request_view(request)
    when = _decided(work, request, body)
    request.approval, request.approved = "approved", quantity
    fact = RequestApproved(
        from_store=request.from_store, to_store=request.to_store, item=request.item, quantity=quantity
    )
    work.record(request_id, fact, when.at)
    return request_view(request)


def reject_request(work: Work, request_id: str, body: RejectRequest) -> RequestView:
    """The asked store will not send. The same answer again is answered as it stands.

    Raises RequestUnknown, RequestDecided, ImpossibleDate.
    """
    request = asked(work, request_id)
    if request.approval == "rejected":
        return request_view(request)
    when = _decided(work, request, body)
    request.approval = "rejected"
    work.record(request_id, RequestRejected(from_store=request.from_store, to_store=request.to_store), when.at)
    return request_view(request)


def asked(work: Work, request_id: str, pointer: str | None = None) -> Request:
    """A request to a store in the caller's scope, locked. Raises RequestUnknown."""
    request = work.session.scalars(
        select(Request)
        .where(col(Request.request_id) == request_id, col(Request.from_store).in_(stores_in_scope(work.caller)))
        .with_for_update()
    ).one_or_none()
    if request is None:
        raise RequestUnknown(pointer=pointer)
    return request


def submitted(request: Request) -> Moment:
    return Moment(request.submitted_at, request.submitted_on)


def request_view(request: Request) -> RequestView:
    return RequestView(**request.model_dump(exclude={"submitted_at"}))


def _decided(work: Work, request: Request, body: ApproveRequest | RejectRequest) -> Moment:
    if request.approval != "submitted":
        raise RequestDecided(f"it is {request.approval}")
    return happened(work, body.occurred_at, any_store(work, request.from_store), since=submitted(request))
