"""A receiver of Pulang's webhooks: verifies, keeps, answers. Nothing else, and that fast.

    python examples/webhook-receiver/receiver.py webhook.json inbox.db

`webhook.json` is what Pulang answered when the webhook was registered: its secret and its public keys are in it.
RECEIVER_URL says where to listen, RECEIVER_CERTIFICATE is the PEM of a key and its certificates. Behind a proxy that
ends TLS leave that to the proxy. `inbox.db` is where your own program takes the events from.
"""

import base64
import json
import os
import sqlite3
import ssl
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

MOST_BYTES = 64 * 1024
PING = "pulang.webhook.ping.v1"
SCHEMA = """
CREATE TABLE IF NOT EXISTS inbox (
  n INTEGER PRIMARY KEY, webhook_id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, subject TEXT NOT NULL,
  event TEXT NOT NULL)
"""


class Signatures:
    """Of one webhook."""

    def __init__(self, registered: Mapping[str, object]) -> None:
        self._shared = Webhook(str(registered["secret"]))
        self._public = [
            Ed25519PublicKey.from_public_bytes(base64.b64decode(key["public_key"].removeprefix("whpk_")))
            for key in registered["public_keys"]
        ]

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Both ways; one is enough, choose yours. Raises WebhookVerificationError, InvalidSignature.

        `v1` needs the secret, and the SDK also refuses what is older than five minutes. `v1a` needs the public key
        alone, which may lie anywhere; the SDK does not know it.
        """
        self._shared.verify(body, dict(headers))
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        for one in headers["webhook-signature"].split(" "):
            version, _, signature = one.partition(",")
            if version == "v1a" and any(_is_of(key, signature, content) for key in self._public):
                return
        raise InvalidSignature


def _is_of(key: Ed25519PublicKey, signature: str, content: bytes) -> bool:
    try:
        key.verify(base64.b64decode(signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True


class Receiver(BaseHTTPRequestHandler):
    """2xx says that the event is yours now: answer it after your commit, never before. 5xx brings it again."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    path_wanted: str
    signatures: Signatures
    inbox: sqlite3.Connection
    turn = threading.Lock()

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != self.path_wanted or not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True
            return self._answer(404)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(length))
        try:
            self.signatures.verify(headers, body)
        except (WebhookVerificationError, InvalidSignature, KeyError) as refused:
            print(f"refused, not signed by Pulang: {type(refused).__name__}", flush=True)
            return self._answer(401)
        event = from_http_event(HTTPMessage(headers, body))
        if event.get_type() == PING:
            told = "pong"
        else:
            told = "new" if self._keep(headers["webhook-id"], event, body) else "again"
        print(told, event.get_type(), event.get_subject(), flush=True)
        return self._answer(204)

    def _keep(self, webhook_id: str, event: BaseCloudEvent, body: bytes) -> bool:
        """Whether it was new. What was answered and not heard comes again, with the same webhook-id."""
        row = (webhook_id, event.get_type(), event.get_subject(), body.decode())
        with self.turn, self.inbox:
            query = "INSERT INTO inbox (webhook_id, type, subject, event) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
            return self.inbox.execute(query, row).rowcount == 1

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Addresses of requests are nobody's business."""


def main() -> None:
    registered, inbox = sys.argv[1:3]
    where = urlsplit(os.environ.get("RECEIVER_URL", "https://127.0.0.1:8443/pulang"))
    Receiver.path_wanted = where.path
    Receiver.signatures = Signatures(json.loads(Path(registered).read_text()))
    Receiver.inbox = sqlite3.connect(inbox, check_same_thread=False)
    Receiver.inbox.execute(SCHEMA)
    server = ThreadingHTTPServer((where.hostname or "", where.port or 443), Receiver)
    if certificate := os.environ.get("RECEIVER_CERTIFICATE"):
        secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        secure.load_cert_chain(certificate)
        # The handshake on the connection's own thread: nobody's slowness is another one's.
        server.socket = secure.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print("listening", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
