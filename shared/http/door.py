"""The door of a service: who comes in, what they may do, and how their work is done.

A route declares its permission by asking for a `Door`:

    door = Doorway("intake")

    @router.post("/cases")
    async def register_case(body: RegisterCase, at: Annotated[Door, door("case.register")]) -> Response:
        return await at.write(lambda work: commands.register_case(work, body))
"""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast

import orjson
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from shared.http.idempotency import LONGEST_NAME, Answer, Once
from shared.http.limits import Limiter
from shared.http.problems import AgencyHasLeft, NotAllowed, NotAuthenticated, Unreadable
from shared.security.tokens import Caller, Unauthenticated
from shared.service import Service
from shared.work import Cause, Work

BEARER = HTTPBearer(auto_error=False, description="A token of the OIDC issuer, or a development token.")


def correlation_id(given: str | None) -> str:
    """The caller's id where it is a UUID; anything else could carry personal data into every event."""
    try:
        return str(uuid.UUID(given)) if given else str(uuid.uuid4())
    except ValueError:
        return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Door:
    """One request that was let in."""

    service: Service
    request: Request
    caller: Caller

    async def write(self, command: Callable[[Work], BaseModel], status: int = 201) -> Response:
        """Run a command in a transaction of its own, once per Idempotency-Key; answers after the commit."""
        once = await self._once()

        def change(work: Work) -> Answer:
            if once is not None and (stored := once.begin(work)) is not None:
                return stored
            answer = Answer(status, command(work).model_dump_json(exclude_none=True).encode())
            if once is not None:
                once.end(work, answer)
            return answer

        answer = await self.service.desk.write(change, self.cause())
        headers = {"Idempotency-Replayed": "true"} if answer.replayed else None
        return Response(answer.body, answer.status, headers=headers, media_type="application/json")

    async def do(self, command: Callable[[Work], Any]) -> Any:
        """Run a command whose answer the route makes itself (PUT, or one that shows identity)."""
        return await self.service.desk.write(command, self.cause())

    async def read(self, query: Callable[[Session], Any]) -> Any:
        """Ask over one snapshot."""
        return await self.service.desk.read(query)

    async def study(self, query: Callable[[Session], Any]) -> Any:
        """Ask what walks through much of the database."""
        return await self.service.desk.study(query)

    def cause(self) -> Cause:
        state = self.request.state
        return Cause(caller=self.caller, correlationid=state.correlation_id, traceparent=state.traceparent)

    async def _once(self) -> Once | None:
        key = self.request.headers.get("idempotency-key")
        if key is None:
            return None
        route = f"{self.request.method} {self.request.url.path}"
        content = self.request.url.query.encode() + b"\n" + await body_of(self.request)
        return Once(_fitting(f"{self.caller.agency} {self.caller.subject}"), _fitting(route), key, content)


async def body_of(request: Request) -> bytes:
    """Raises Unreadable where whoever sends it has gone: nobody hears it, and nothing went wrong here."""
    try:
        return await request.body()
    except ClientDisconnect:
        raise Unreadable from None


def _fitting(name: str) -> str:
    """The name, or its hash where it is longer than a column."""
    return name if len(name) <= LONGEST_NAME else hashlib.sha256(name.encode()).hexdigest()


class Guard:
    """The dependency behind a `Door`; its `permission` is the route's declaration.

    A `GuardedRoute` asks it before a byte of the request's body is read; the dependency finds what it said then.
    """

    def __init__(self, service: str, permission: str) -> None:
        self.service = service
        self.permission = permission

    async def __call__(
        self,
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)],
    ) -> Door:
        door: Door = request.state.door  # whoever comes by a route that did not ask gets no further
        return door

    async def admit(self, request: Request) -> None:
        """Let the request in, by its head alone. Raises NotAuthenticated, NotAllowed, TooManyRequests."""
        service = cast(Mapping[str, Service], request.app.state.services)[self.service]
        limiter = cast(Limiter, request.app.state.limiter)
        credentials = await BEARER(request)
        if credentials is None:
            raise NotAuthenticated
        try:
            caller = await service.verifier.admit(credentials.credentials)
        except Unauthenticated as refused:
            raise limiter.turn_away(request.scope) or NotAuthenticated(str(refused.reason)) from None
        limiter.let_in(request, caller.agency, caller.subject)
        await self.judge(request, service, caller)
        request.state.door = Door(service, request, caller)

    async def judge(self, request: Request, service: Service, caller: Caller) -> None:
        """Whether this caller may come in. Raises AgencyHasLeft, NotAllowed."""
        if caller.agency in service.left:
            raise AgencyHasLeft
        if self.permission not in caller.permissions:
            raise NotAllowed(f"needs the permission {self.permission}")


class Doorway:
    """Makes the dependencies of one service's routes."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, permission: str) -> Any:
        return Depends(Guard(self._service, permission))


def shown(model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A model as a JSON answer."""
    return Response(
        model.model_dump_json(exclude_none=True), status, headers=dict(headers or {}), media_type="application/json"
    )


def page_of(items: list[Any], next_cursor: str | None, request: Request) -> Response:
    """A keyset page, with its `Link` to the next one."""
    body = orjson.dumps(
        {"items": [item.model_dump(mode="json", exclude_none=True) for item in items]}
        | ({"next": next_cursor} if next_cursor else {})
    )
    headers = {}
    if next_cursor:
        headers["Link"] = f'<{request.url.include_query_params(after=next_cursor)}>; rel="next"'
    return Response(body, headers=headers, media_type="application/json")
