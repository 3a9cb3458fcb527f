"""Stands in front of a real Pulang: passes everything on, notes the acknowledgements that it took, and kills the reader
at a request that the test names."""

import random
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import orjson


class Gate:
    """`acknowledged`: the events, in order, a repeat again."""

    def __init__(self, url: str) -> None:
        self.acknowledged: list[str] = []
        self._behind = httpx.Client(base_url=url, trust_env=False, timeout=60)
        self._left = 0
        self._kill: Callable[[], None] | None = None
        self._dice = random.Random(11)  # noqa: S311
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._behind.close()

    def kill_at(self, request: int, kill: Callable[[], None]) -> None:
        """At the so-manieth request from now: before it has an effect, before it is answered, or a moment after."""
        self._left, self._kill = request, kill

    def pass_on(self, method: str, path: str, authorization: str, body: bytes) -> tuple[int, bytes, Callable[[], None]]:
        """Status and body of the answer, and what is to be done when it was sent."""
        self._left -= 1
        kill, when = (self._kill, self._dice.randrange(4)) if self._left == 0 else (None, -1)
        if kill is not None and when == 0:
            kill()
        headers = {"Authorization": authorization} | ({"Content-Type": "application/json"} if body else {})
        answer = self._behind.request(method, path, headers=headers, content=body)
        if method == "POST" and answer.status_code == 201:
            self.acknowledged.append(orjson.loads(body)["event"])
        status, content = answer.status_code, answer.content
        if kill is not None and when == 1:
            kill()

        def afterwards() -> None:
            if kill is not None and when > 1:
                time.sleep(self._dice.random() * 0.02)
                kill()

        return status, content, afterwards


def _handler(gate: Gate) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            try:
                status, content, afterwards = gate.pass_on(self.command, self.path, self.headers["Authorization"], body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                self.wfile.flush()
                afterwards()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # whoever asked was killed

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
