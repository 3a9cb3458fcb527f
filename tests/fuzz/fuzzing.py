"""Generated requests against everything at once: schemathesis makes them from the OpenAPI, and judges the answers.

A request out of nothing but the schema names nothing that there is, and ends at the first question. So half of the
parts of a request are taken from one that is good (the rows of the access matrix have one for every route), over the
prepared world of three places; who asks has every role, or one, or a token of nobody's.
"""

import asyncio
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import requests
import schemathesis
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.http.app import Outside
from shared.http.limits import Limits, Rate
from shared.settings import Settings
from tests.access.matrix import ROWS
from tests.access.matrix.row import Ask
from tests.access.prepared import ALL_ROLES, Prepared, receivers_here
from tests.world import running

BASE = "http://pulang.test"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
NO_LIMIT = Outside(Limits(Rate(0, 0), Rate(0, 0)))


@dataclass
class World:
    """A running Pulang with its loop in a thread of its own, since schemathesis is not asynchronous."""

    prepared: Prepared
    schema: Any
    loop: asyncio.AbstractEventLoop
    tokens: dict[str, str]
    sent: Counter[str] = field(default_factory=Counter)
    answered: Counter[int] = field(default_factory=Counter)

    def send(self, case: Any, token: str | None) -> Response:
        """What Pulang answers, in process."""
        case.operation.base_url = BASE
        asked = requests.Request(**_only(case.as_transport_kwargs(base_url=BASE))).prepare()
        headers = {name: value for name, value in asked.headers.items() if name.lower() != "authorization"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        body = asked.body if asked.body is not None else b""
        coming = self.prepared.pulang.client.request(
            str(asked.method),
            str(asked.url),
            content=body if isinstance(body, bytes) else str(body).encode(),
            headers={_ascii(name): _ascii(value) for name, value in headers.items()},
        )
        answer = asyncio.run_coroutine_threadsafe(coming, self.loop).result(60)
        self.sent[f"{case.method} {case.path}"] += 1
        self.answered[answer.status_code] += 1
        found: dict[str, list[str]] = {}
        for name, value in answer.headers.multi_items():
            found.setdefault(name, []).append(value)
        return Response(answer.status_code, found, answer.content, asked, 0.0, verify=True)

    def ask_and_judge(self, case: Any, token: str | None) -> None:
        """Raises the failures of schemathesis."""
        case.validate_response(self.send(case, token), checks=CHECKS)

    def whoever(self) -> st.SearchStrategy[str | None]:
        """Mostly somebody with every role at every place, else with one of them, else nobody."""
        some = st.sampled_from(sorted(self.tokens))
        return st.integers(0, 9).flatmap(
            lambda dice: (
                st.just(self.tokens["all"])
                if dice < 8
                else some.map(self.tokens.__getitem__)
                if dice < 9
                else st.sampled_from([None, "x", self.tokens["all"] + "x"])
            )
        )


def _only(kwargs: dict[str, Any]) -> dict[str, Any]:
    known = ("method", "url", "headers", "files", "data", "params", "auth", "cookies", "json")
    return {name: value for name, value in kwargs.items() if name in known}


def _ascii(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1", "replace")


@contextmanager
def world() -> Iterator[World]:
    """Prepared, on a folder of its own that goes at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pulang-fuzz-"))
    found: list[Any] = []
    ready, over = threading.Event(), asyncio.Event()

    async def live() -> None:
        (folder / "data").mkdir()
        with receivers_here():
            async with running(Settings(folder / "data"), NO_LIMIT) as pulang:
                prepared = Prepared(pulang)
                await prepared.live()
                found.extend((prepared, asyncio.get_running_loop()))
                ready.set()
                await over.wait()

    def run() -> None:
        try:
            asyncio.run(live())
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="pulang")
    thread.start()
    ready.wait(120)
    try:
        prepared, loop = found
        document = prepared.pulang.client._transport.app.openapi()
        schema = schemathesis.openapi.from_dict(document)
        yield World(prepared, schema, loop, _tokens(prepared))
    finally:
        if found:
            found[1].call_soon_threadsafe(over.set)
        thread.join(30)
        shutil.rmtree(folder, ignore_errors=True)


def _tokens(prepared: Prepared) -> dict[str, str]:
    """One with every role at every place of the world, and one for each role at its own."""
    keys = prepared.pulang.settings.keys / "development-issuer.pem"
    key = load_pem_private_key(keys.read_bytes(), password=None)
    now = int(time.time())
    claims = {"iss": "pulang-development", "aud": "pulang", "agency": "kemensos", "iat": now, "exp": now + 10 * 3600}

    def token(subject: str, roles: list[str], places: list[str]) -> str:
        return jwt.encode(claims | {"sub": subject, "roles": roles, "facilities": places}, key, algorithm="EdDSA")

    everywhere = [place for side in prepared.sides for place in side.places]
    return {role: token(role, [role], prepared.own.places) for role in ALL_ROLES} | {
        "all": token("all", sorted(ALL_ROLES), everywhere)
    }


def requests_of(operation: Any, world: World) -> st.SearchStrategy[Any]:
    """Any request that the schema allows, one that it does not, and both with good parts in the place of some."""
    row = ROWS.get(_route(operation))
    good = st.sampled_from([row.ask(side) for side in world.prepared.sides]) if row else st.none()
    made = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )
    return st.builds(_mended, made, good, st.integers(0, 2**16))


def is_endless(operation: Any) -> bool:
    """Its good answer goes on for ever."""
    row = ROWS.get(_route(operation))
    return row is not None and row.endless


def _route(operation: Any) -> str:
    route = f"{operation.method.upper()} {operation.path}"
    return route if route in ROWS else route.replace("{item}", "{item:path}")


def _mended(case: Any, good: Ask | None, which: int) -> Any:
    """`which`: a bit for each part that is taken from the good request."""
    if good is None:
        return case
    bits = iter(f"{which:017b}"[::-1] * 8)
    for given, parts in ((good.path, case.path_parameters), (good.query, case.query)):
        for name, value in given.items():
            if next(bits) == "1" and parts is not None:
                parts[name] = value
    if next(bits) == "1" and good.headers:
        case.headers.update(good.headers)
    if isinstance(good.body, dict):
        if not isinstance(case.body, dict):
            case.body = dict(good.body) if next(bits) == "1" else case.body
        else:
            kept = {name: value for name, value in case.body.items() if name not in good.body or next(bits) == "0"}
            case.body = dict(good.body) | kept if next(bits) == "1" else case.body
    return case
