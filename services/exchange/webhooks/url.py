"""The URL of a webhook, read once: what is checked is what is connected to."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yarl import URL

LONGEST = 2_000
"""Characters."""
_PRINTED = re.compile(r"[\x21-\x5b\x5d-\x7e]+")
"""ASCII without blanks, control characters and the backslash, which some readers take for a slash."""
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?\.?")
"""A DNS name. Its last label begins with a letter: `127.1` and `127.0.0x1` are addresses to some."""


class UrlRefused(ValueError):
    """A URL that no webhook can have; the message says why, and nothing of the URL."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook goes. Its URL may hold secrets: it is in no log and no error."""

    url: "URL" = field(repr=False)
    host: str
    """A name, or an address without brackets."""
    port: int


def target_of(text: str) -> Target:
    """Read a URL: https, a host, no user, no fragment. Raises UrlRefused.

    Names in other scripts are given in their ASCII form (`xn--…`).
    """
    # Loaded where it is used, with the client: a start has no need of it.
    from yarl import URL

    if len(text) > LONGEST:
        raise UrlRefused(f"has more than {LONGEST} characters")
    if not _PRINTED.fullmatch(text):
        raise UrlRefused("holds characters that no URL has: give other scripts in their encoded form")
    try:
        url = URL(text)
        host, port = url.raw_host, url.port
    except ValueError:
        raise UrlRefused("is no URL") from None
    if url.scheme != "https":
        raise UrlRefused("must begin with https://")
    if url.raw_user is not None or url.raw_password is not None or "@" in text.split("/")[2]:
        raise UrlRefused("must not hold a user or a password: give a token in the path, or rely on the signature")
    if url.raw_fragment or text.endswith("#"):
        raise UrlRefused("must not have a fragment")
    if not host or port is None or not 0 < port < 65_536:
        raise UrlRefused("has no host")
    if not _is_address(host) and not _NAME.fullmatch(host):
        raise UrlRefused("has a host that is neither a name nor an address in its usual form")
    return Target(url, host, port)


def _is_address(host: str) -> bool:
    try:
        return str(ip_address(host)).lower() == host.lower() or ":" in host
    except ValueError:
        return False
