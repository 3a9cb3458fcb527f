"""How a service's routes are found and entered: by service first, and by the token before the body."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from shared.http.door import Guard, body_of
from shared.http.nesting import refuse_overgrown

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class GuardedRoute(APIRoute):
    """A route that reads a body only from whoever its guard has let in.

    The framework reads and parses the body first and asks the dependencies after: nobody's 16 MiB would be taken in.
    """

    def get_route_handler(self) -> Handler:
        """See APIRoute. What the guard raises is raised before anything of the body is received."""
        handle = super().get_route_handler()
        guards, takes_body = tuple(_guards(self.dependant)), self.body_field is not None

        async def guarded(request: Request) -> Response:
            for guard in guards:
                await guard.admit(request)
            if takes_body:
                refuse_overgrown(await body_of(request))
            return await handle(request)

        return guarded


class ServiceRouter(APIRouter):
    """The routes of one service, under its prefix.

    Otherwise a request tries the patterns of every service that stands before its own, at each level of included
    routers: with five services in one app that took up to 0.4 ms.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=GuardedRoute, **options)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if self.prefix not in scope["path"]:
            return Match.NONE, {}
        return super().matches(scope)


def _guards(dependant: Dependant) -> Iterator[Guard]:
    for inner in dependant.dependencies:
        if isinstance(inner.call, Guard):
            yield inner.call
        yield from _guards(inner)
