"""Headers of every answer that tell browsers to do nothing with it, and which origins may read it from a page."""

import base64
import hashlib
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from shared.settings import Environment, SettingInvalid

Headers = list[tuple[bytes, bytes]]

NOT_SNIFFED = (b"x-content-type-options", b"nosniff")
NO_REFERRER = (b"referrer-policy", b"no-referrer")
NOTHING_RUNS = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
NOT_KEPT = (b"cache-control", b"no-store")
"""Of every answer that does not say otherwise: whom a case is about is for nobody's cache."""

PROTECTING = (NOT_SNIFFED, NO_REFERRER, NOTHING_RUNS, NOT_KEPT)

ALLOWED_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ALLOWED_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "Last-Event-ID",
    "Traceparent",
    "X-Correlation-Id",
)
SHOWN_HEADERS = (
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Correlation-Id",
)
PREFLIGHT_SECONDS = 600
_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def hardened(headers: Headers) -> Headers:
    """The headers of an answer, and those that protect it where it says nothing else."""
    said = {name for name, _ in headers}
    return [*headers, *(one for one in PROTECTING if one[0] not in said)]


def policy_of_page(page: bytes) -> str:
    """For the page that shows the API: its own script by its hash, what it loads from one place, nothing else."""
    hashes = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _SCRIPT.findall(page)]
    scripts = " ".join(f"'sha256-{one}'" for one in hashes)
    return (
        f"default-src 'none'; script-src https://cdn.jsdelivr.net {scripts}; "
        "style-src https://cdn.jsdelivr.net 'unsafe-inline'; img-src https://fastapi.tiangolo.com data:; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


def origins_from(environment: Environment) -> tuple[str, ...]:
    """`PULANG_CORS_ORIGINS`: whose pages may call, with commas between them; none. Raises SettingInvalid."""
    given = [one.strip() for one in environment.text_or("PULANG_CORS_ORIGINS", "").split(",") if one.strip()]
    for origin in given:
        if not _is_origin(origin):
            raise SettingInvalid("PULANG_CORS_ORIGINS must be like https://console.example.org, with commas between")
    return tuple(given)


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        named = parts.hostname and (parts.port or 1)
    except ValueError:
        return False
    return bool(named) and parts.scheme in ("http", "https") and text == f"{parts.scheme}://{parts.netloc}"


def cors(origins: Sequence[str]) -> dict[str, Any]:
    """For Starlette's CORSMiddleware. Credentials of a browser count nothing here: a token stands in a header."""
    return {
        "allow_origins": list(origins),
        "allow_methods": list(ALLOWED_METHODS),
        "allow_headers": list(ALLOWED_HEADERS),
        "expose_headers": list(SHOWN_HEADERS),
        "max_age": PREFLIGHT_SECONDS,
    }
