"""How much one caller may ask of a replica: requests a second, and bytes in one body.

Requests are counted per token's bearer (agency and subject), and per address for those that are not let in. Each
replica counts for itself, in memory: a limit that replicas shared would cost every request a round trip, and what it is
against, one client that has run wild, meets all of them alike.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from starlette.requests import HTTPConnection

from shared.http.problems import Problem
from shared.settings import Environment, SettingInvalid

BODY_BYTES = 256 * 1024
"""Of a request's body, where its route does not say more: see `takes_up_to`."""
_MOST_KEYS = 20_000
"""So many bearers or addresses are remembered: a few megabytes. Who was silent for longest is forgotten first."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class TooManyRequests(Problem):
    """More requests than one caller may send; go on more slowly."""

    status: ClassVar[int] = 429


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests a second for ever, and `burst` at once after a silence. No limit where `a_second` is 0."""

    a_second: float
    burst: int

    @classmethod
    def read(cls, name: str, text: str) -> "Rate":
        """`1000/4000`: a second, at once; `off` for no limit. Raises SettingInvalid."""
        if text == "off":
            return cls(0, 0)
        first, _, second = text.partition("/")
        if not (first.isdigit() and second.isdigit() and 0 < int(first) <= int(second) < 10**9):
            raise SettingInvalid(f"{name} must be like 1000/4000 (requests a second, and at once), or off")
        return cls(int(first), int(second))


@dataclass(frozen=True, slots=True)
class Limits:
    """What is set of them."""

    bearer: Rate = Rate(1000, 4000)
    """The season's demo, which has a token per role, sends some hundreds a second with one; a shelter some a minute."""
    address: Rate = Rate(50, 1000)
    """Of requests without a token, or with one that is refused. A gateway's clients share its address."""


def limits_from(environment: Environment) -> Limits:
    """`PULANG_RATE_LIMIT`, `PULANG_RATE_LIMIT_ADDRESS`. Raises SettingInvalid."""
    usual = Limits()

    def rate(name: str, otherwise: Rate) -> Rate:
        text = environment.text_or(name, "")
        return Rate.read(name, text) if text else otherwise

    return Limits(
        bearer=rate("PULANG_RATE_LIMIT", usual.bearer), address=rate("PULANG_RATE_LIMIT_ADDRESS", usual.address)
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands after a request."""

    allowed: bool
    left: int
    """Requests that may come at once."""
    again_seconds: float
    """Until the next is allowed, where this one was not; else until all may come again."""


class Buckets:
    """A token bucket per key, kept as the one moment at which it is full again (GCRA). Used from one event loop."""

    def __init__(self, name: str, rate: Rate, *, now: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.rate = rate
        self._now = now
        self._step = 1 / rate.a_second if rate.a_second else 0.0
        self._span = self._step * rate.burst
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str) -> Standing | None:
        """One request of `key`; None where there is no limit."""
        if not self._step:
            return None
        now = self._now()
        full_at = max(self._full_at.get(key, 0.0), now) + self._step
        if full_at - now > self._span + 1e-9:
            return Standing(False, 0, full_at - now - self._span)
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > _MOST_KEYS:
            self._full_at.popitem(last=False)
        return Standing(True, int((self._span - full_at + now) / self._step + 1e-6), full_at - now)

    def told(self, standing: Standing) -> str:
        """The header `RateLimit` (draft-ietf-httpapi-ratelimit-headers)."""
        return f'"{self.name}";r={standing.left};t={math.ceil(standing.again_seconds)}'

    def refusal(self, standing: Standing) -> TooManyRequests:
        """With the headers that say when to come again, and what the limit is."""
        policy = f'"{self.name}";q={self.rate.burst};w={math.ceil(self._span)}'
        headers = {
            "Retry-After": str(max(1, math.ceil(standing.again_seconds))),
            "RateLimit": self.told(standing),
            "RateLimit-Policy": policy,
        }
        return TooManyRequests(f"{self.rate.a_second:g} a second are allowed to one caller", headers=headers)


class Limiter:
    """Of one app: asked at its door."""

    def __init__(self, limits: Limits, *, now: Callable[[], float] = time.monotonic) -> None:
        self.bearers = Buckets("token", limits.bearer, now=now)
        self.addresses = Buckets("address", limits.address, now=now)

    def let_in(self, connection: HTTPConnection, agency: str, subject: str) -> None:
        """One request of a bearer. Raises TooManyRequests."""
        standing = self.bearers.take(f"{agency} {subject}")
        if standing is None:
            return
        if not standing.allowed:
            raise self.bearers.refusal(standing)
        connection.state.ratelimit = self.bearers.told(standing)

    def turn_away(self, scope: Mapping[str, Any]) -> TooManyRequests | None:
        """One request that is not let in: why it is not even told so, where it is one too many from its address."""
        client = scope.get("client")
        standing = self.addresses.take(whose(client[0]) if client else "")
        return None if standing is None or standing.allowed else self.addresses.refusal(standing)


def whose(address: str) -> str:
    """Whom an address counts for: of IPv6 its /64, which is the least that one customer is given (RFC 6177)."""
    if ":" not in address:
        return address
    try:
        full = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if full.ipv4_mapped is not None:
        return str(full.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(full) >> 64 << 64, 64)))


def takes_up_to(body_bytes: int) -> Callable[[Endpoint], Endpoint]:
    """A route whose body may be larger than BODY_BYTES; written below the router's decorator."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.body_bytes = body_bytes  # type: ignore[attr-defined]
        return endpoint

    return mark


def body_bytes_of(scope: Mapping[str, Any]) -> int:
    """What the route that was found takes."""
    allowed: int = getattr(getattr(scope.get("route"), "endpoint", None), "body_bytes", BODY_BYTES)
    return allowed
