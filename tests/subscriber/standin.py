"""Stands for the exchange over real HTTP, as its contract says: the feed of a `Telling`, and the acknowledgements."""

import base64
import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from tests.subscriber.telling import Telling

TOKEN = "a reader's"


class Exchange:
    """`faults`: answers that come instead, in turn: (status, headers). `tokens`: those that it accepts."""

    def __init__(self, telling: Telling) -> None:
        self.telling = telling
        self.faults: deque[tuple[int, dict[str, str]]] = deque()
        self.acknowledging: deque[int] = deque()
        self.tokens = {TOKEN}
        self.generation = 1
        self.acknowledged: list[str] = []
        self.asked: list[dict[str, str]] = []
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def page(self, query: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        """Up to `limit` rows; what a row shows is decided now."""
        self.asked.append(query)
        at = 0
        if "after" in query:
            generation, at = json.loads(base64.urlsafe_b64decode(query["after"]))
            if generation != self.generation:
                problem = {"type": "/problems/cursor-unknown", "title": "Invalid", "status": 422}
                return 422, {}, problem
        limit = int(query["limit"])
        wanted = set(query["types"].split(",")) if "types" in query else None
        events = [
            json.loads(event.to_bytes())
            for event in self.telling.told(at, limit)
            if ("subject" not in query or event.subject == query["subject"])
            and (wanted is None or event.type in wanted or (event.data or {}).get("deletion_requested"))
        ]
        last = min(len(self.telling.log), at + limit)
        cursor = base64.urlsafe_b64encode(json.dumps([self.generation, last]).encode()).decode()
        return 200, {}, {"events": events, "next": cursor, "more": last < len(self.telling.log)}

    def acknowledge(self, body: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        if self.acknowledging:
            return self.acknowledging.popleft(), {}, {"title": "not now"}
        if body["event"] not in self.telling.requests():
            return 404, {}, {"type": "/problems/not-found", "title": "Not Found", "status": 404}
        self.acknowledged.append(body["event"])
        return 201, {}, {"event": body["event"]}


def _handler(exchange: Exchange) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            where = urlsplit(self.path)
            self._answer(lambda: exchange.page({name: values[0] for name, values in parse_qs(where.query).items()}))

        def do_POST(self) -> None:
            body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(lambda: exchange.acknowledge(body))

        def _answer(self, act: Any) -> None:
            with exchange.lock:
                if self.headers.get("Authorization", "").removeprefix("Bearer ") not in exchange.tokens:
                    status, headers, body = 401, {}, {"title": "Unauthenticated"}
                elif self.command == "GET" and exchange.faults:
                    (status, headers), body = exchange.faults.popleft(), {"title": "out of order"}
                else:
                    status, headers, body = act()
            content = orjson.dumps(body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
