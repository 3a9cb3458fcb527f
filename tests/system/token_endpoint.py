"""The token endpoint of an issuer, on this machine: client credentials in, development tokens of a data folder out."""

import base64
import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from pulang.oidc_clients import CLIENTS, SERVICE
from shared.security.tokens import LEEWAY_SECONDS, DevelopmentIssuer

SECRET = "S3cret-%s"


BUSY_SECONDS = 4


class TokenEndpoint:
    """Knows the table of clients. `seconds`: how long a token lives. `asked`: how often, by client."""

    def __init__(self, issuer: DevelopmentIssuer, seconds: float = 600) -> None:
        self.asked: Counter[str] = Counter()
        self.instead: tuple[int, bytes] | None = None
        clients = {client.id: client for client in CLIENTS if client.role != SERVICE}

        def answer(authorization: str, form: dict[str, list[str]]) -> tuple[int, bytes]:
            name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            self.asked[name] += 1
            if self.instead is not None:
                return self.instead
            if name not in clients or secret != SECRET % name or form != {"grant_type": ["client_credentials"]}:
                return 401, b'{"error": "invalid_client"}'
            client = clients[name]
            # On a busy machine a request may take some seconds from the client's look at the clock.
            lifetime = timedelta(seconds=seconds - LEEWAY_SECONDS + BUSY_SECONDS)
            token = issuer.issue(client.agency, client.role, client.facilities, lifetime=lifetime)
            return 200, json.dumps({"access_token": token, "expires_in": seconds, "token_type": "Bearer"}).encode()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"

    def file(self, path: Path, **changes: Any) -> Path:
        """What PULANG_CLIENTS names."""
        clients = [
            {
                "agency": client.agency,
                "role": client.role,
                "facilities": list(client.facilities),
                "id": client.id,
                "secret": SECRET % client.id,
            }
            for client in CLIENTS
            if client.role != SERVICE
        ]
        path.write_text(json.dumps({"token_url": self.url, "clients": clients} | changes))
        return path

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(answer: Callable[[str, dict[str, list[str]]], tuple[int, bytes]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, body = answer(self.headers.get("Authorization", ""), form)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
