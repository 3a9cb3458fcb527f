"""In front of the exchange: everything goes to it, and acknowledgements that it took are noted."""

import json
from typing import Any

import httpx


class Acknowledging(httpx.AsyncBaseTransport):
    """`events`: those that were acknowledged, in order."""

    def __init__(self, behind: httpx.AsyncClient) -> None:
        self.events: list[str] = []
        self._behind = behind

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._behind.send(request)
        if (request.method, request.url.path) == ("POST", "/exchange/acknowledgements"):
            assert answer.status_code == 201, answer.text
            body: dict[str, Any] = json.loads(request.content)
            self.events.append(body["event"])
        return answer
