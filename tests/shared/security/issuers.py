"""An OIDC issuer on this machine, with real keys, that can be made to misbehave."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DISCOVERY, JWKS = "/realms/x/.well-known/openid-configuration", "/realms/x/certs"


class Issuer:
    """Shows `keys` until told otherwise; `instead` holds raw answers by path, as status and body."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.instead: dict[str, tuple[int, bytes]] = {}
        self.keys: dict[str, Any] = {}
        self.hold = threading.Event()
        self.hold.set()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                issuer.hold.wait(30)
                status, body = issuer.instead.get(self.path) or issuer.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/realms/x"
        self.name = self.url

    def answer(self, path: str) -> tuple[int, bytes]:
        if path == DISCOVERY:
            return 200, json.dumps({"issuer": self.name, "jwks_uri": f"{self.name}/certs"}).encode()
        return (200, json.dumps({"keys": list(self.keys.values())}).encode()) if path == JWKS else (404, b"")

    def add(self, key_id: str, **changes: Any) -> Ed25519PrivateKey:
        """A new key, shown from now on."""
        key = Ed25519PrivateKey.generate()
        self.show(key_id, key, **changes)
        return key

    def show(self, key_id: str, key: Ed25519PrivateKey, **changes: Any) -> None:
        entry = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
        self.keys[key_id] = entry | {"kid": key_id, "alg": "EdDSA", "use": "sig"} | changes

    def times(self, path: str = JWKS) -> int:
        return self.asked.count(path)

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
