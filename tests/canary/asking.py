"""A Pulang behind an address, whose every answer is kept; and requests that must be refused, with marks in each."""

import asyncio
import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

import httpx

from tests.access.matrix.row import Ask
from tests.access.prepared import ALL_ROLES, Prepared
from tests.canary.marks import Found
from tests.canary.planting import HEADERS, Place, Sower, kind_of
from tests.world import SETTLES_WITHIN_SECONDS, Pulang, User

Token = Callable[..., str]
"""Of an agency, its roles and places: `token("iom", ["reader"], [], sub="…")`."""
SERVICES = ("intake", "shelter", "aid", "psychosocial", "exchange")
ID = "[0-9a-f-]{36}"
_IDENTITY = r"(POST|PUT) /intake/(cases|manifests|cases/\{case_id\}/identity) body .*(name|nik|number|phone)"
SHOWS = {
    rf"(GET|PUT) /intake/cases/{ID}/identity": _IDENTITY,
    rf"GET /intake/cases/{ID}/legal-holds/{ID}": r"POST /intake/cases/\{case_id\}/legal-holds.* body note",
    rf"GET /psychosocial/sessions/{ID}/note": "(POST|PATCH|PUT) /psychosocial/sessions.* body .*note",
    rf"(GET|POST|PATCH) /exchange/webhooks(/{ID}(/[a-z/]+)?)?": "(POST|PATCH) /exchange/webhooks.* body url",
}
"""What may show a text, to who may read it, when all is well: where these texts were planted."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back."""

    asked: str
    query: str
    status: int
    headers: bytes
    link: bytes
    body: bytes

    def may_show(self, found: Found) -> bool:
        """In its body."""
        for asked, origin in SHOWS.items():
            if self.status < 300 and re.fullmatch(asked, self.asked):
                born = "identity" in asked and found.form == "a birth date"
                return born or re.fullmatch(origin, found.origin) is not None
        return False

    def asked_for(self, found: Found) -> bool:
        """A page's Link is the address that was asked for, told to who asked for it."""
        return found.mark.lower() in self.query.lower()


@dataclass
class Remote(Pulang):
    """The process or cluster at an address. Close it."""

    url: str
    token: Token
    answers: list[Answered] = field(default_factory=list)
    transport: httpx.AsyncBaseTransport | None = None
    """Where it is in this process."""

    def __post_init__(self) -> None:
        self.client = httpx.AsyncClient(
            base_url=self.url,
            trust_env=False,
            timeout=60,
            transport=self.transport,
            event_hooks={"response": [self._keep]},
        )

    async def _keep(self, answer: httpx.Response) -> None:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return
        headers = b"\n".join(name + b": " + value for name, value in answer.headers.raw if name.lower() != b"link")
        link = answer.headers.get("link", "").encode()
        url, asked = answer.request.url, f"{answer.request.method} {answer.request.url.path}"
        query = unquote(url.query.decode())
        self.answers.append(Answered(asked, query, answer.status_code, headers, link, await answer.aread()))

    def user(self, role: str, agency: str, facility: str | list[str] | None = None, subject: str | None = None) -> User:
        places = [facility] if isinstance(facility, str) else facility or []
        return User(self.client, self.token(agency, [role], places, sub=subject or f"{role}@{agency}"))

    def everyone(self, prepared: Prepared, agency: str = "kemensos") -> User:
        """Somebody with every role at every place."""
        places = [place for side in prepared.sides for place in side.places]
        return User(self.client, self.token(agency, sorted(ALL_ROLES), places, sub="semua"))

    async def settled(self) -> None:
        async with asyncio.timeout(SETTLES_WITHIN_SECONDS * 2):
            calm = 0
            while calm < 2:
                calm = calm + 1 if await self._calm() else 0
                await asyncio.sleep(0.01)

    async def _calm(self) -> bool:
        watching = self.administrator
        for service in SERVICES:
            status = (await watching.get(f"/{service}/operations/status")).json()
            if status["outbox_backlog"] or any(status["consumer_lag"].values()):
                return False
        return True


async def send(user: User, route: str, ask: Ask, **more: Any) -> httpx.Response:
    """`more`: as httpx takes it, over what `ask` says."""
    method, _, template = route.partition(" ")
    path = re.sub(r"\{(\w+)(:path)?\}", lambda found: quote(ask.path[found[1]], safe=""), template)
    said: dict[str, Any] = {"params": dict(ask.query), "headers": dict(ask.headers)}
    if ask.body is not None and "content" not in more:
        said["json"] = ask.body
    said["headers"] |= more.pop("headers", {})
    return await user._send(method, path, **said | more)


def refusals(sower: Sower, route: str, ask: Ask) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is to be sent in the place of a good request, by what is wrong with it: arguments for `send`."""
    mark = sower.marks.text

    def named(what: str) -> str:
        return f"{route}, {what}"

    if sower.body(route) is not None:
        yield from _bodies(sower, route, ask)
    for place in sower.parameters(route):
        chosen = sower.marks.public_text if kind_of(place) == "public" else mark
        if place.where == "path":
            yield named(f"path {place.name}"), {"path": {**ask.path, place.name: chosen(str(place))}}
        elif place.where == "query":
            yield named(f"query {place.name}"), {"query": {**ask.query, place.name: chosen(str(place))}}
        else:
            yield named(f"header {place.name}"), {"headers": {place.name: mark(str(place))}}
    unknown = mark(named("an unknown parameter"))
    yield named("an unknown parameter"), {"query": {**ask.query, unknown: unknown}}
    yield named("headers"), {"headers": {name: mark(named(f"header {name}")) for name in HEADERS}}


def _bodies(sower: Sower, route: str, ask: Ask) -> Iterator[tuple[str, dict[str, Any]]]:
    mark, good = sower.marks.text, ask.body if ask.body is not None else {}

    def named(what: str) -> str:
        return f"{route}, {what}"

    def lengthy(place: Place) -> Any:
        return mark(named(f"{'/'.join(place.at)} too long")) * 3000 if kind_of(place) in ("text", "public") else KEEP

    def of_wrong_type(place: Place) -> Any:
        return [{mark(named("a key")): mark(named(f"{'/'.join(place.at)} as an object"))}]

    def no_code(place: Place) -> Any:
        return mark(named(f"{'/'.join(place.at)} as a text")) if kind_of(place) in ("code", "birth") else KEEP

    def numbers(place: Place) -> Any:
        return sower.marks.nik(named(f"{'/'.join(place.at)} as a number")) + " x\x01"

    for what, change in (
        ("too long", lengthy),
        ("wrong type", of_wrong_type),
        ("no code", no_code),
        ("numbers", numbers),
    ):
        yield named(what), {"body": _changed(sower, route, (), sower.body(route), good, change)}
    yield named("unknown fields"), {"body": _with_unknown(good, lambda: mark(named("an unknown field")))}
    yield named("a field of no name"), {"body": {**good, sower.marks.nik(named("name of a field")): 1}}
    named_so = named("a name in the place of a field's")
    yield named_so, {"body": _with_unknown(good, lambda: sower.marks.word(named_so))}
    yield named_so, {"body": _with_unknown(good, lambda: sower.marks.word(named_so, "A"))}
    text = mark(named("bad JSON"))
    as_json = {"content-type": "application/json"}
    for what, content, headers in (
        ("bad JSON", f'{{"name": "{text}", ', as_json),
        ("a text", json.dumps(mark(named("a text"))), as_json),
        ("a list", json.dumps([mark(named("a list"))]), as_json),
        (
            "a table",
            f"name,nik\n{mark(named('a table'))},{sower.marks.nik(named('a table'))}\n",
            {"content-type": "text/csv"},
        ),
        ("a form", f"name={mark(named('a form'))}", {"content-type": "application/x-www-form-urlencoded"}),
        ("no UTF-8", b'{"name": "' + mark(named("no UTF-8")).encode() + b'\xff"}', as_json),
    ):
        yield named(what), {"content": content, "headers": headers}


KEEP = object()


def _changed(
    sower: Sower, route: str, at: tuple[str, ...], schema: Any, said: Any, change: Callable[[Place], Any]
) -> Any:
    for form in sower.forms(schema):
        if form.get("type") == "array":
            inner = form.get("items", {})
            return [_changed(sower, route, (*at, "-"), inner, one, change) for one in (said or [None])]
        if "properties" in form:
            kept = dict(said) if isinstance(said, dict) else {}
            for name, inner in form["properties"].items():
                kept[name] = _changed(sower, route, (*at, name), inner, kept.get(name), change)
            return kept
        if form.get("type") == "object":
            return said
        made = change(Place(route, "body", at, form))
        return said if made is KEEP else made
    return said


def _with_unknown(said: Any, mark: Callable[[], str]) -> Any:
    if isinstance(said, list):
        return [_with_unknown(one, mark) for one in said]
    if isinstance(said, dict):
        return {name: _with_unknown(one, mark) for name, one in said.items()} | {mark(): mark(), "remarks": mark()}
    return said


async def strangers(remote: Remote, sower: Sower) -> None:
    """Who is nobody, or says more of themselves than they should, at paths that there are and that there are not."""
    mark = sower.marks.text
    for path in ("/intake/cases", "/nothing/{}", "/intake/cases/{}/identity?purpose={}", "/intake/cases/{}%2F..%2F{}"):
        path = re.sub(r"\{\}", lambda _: mark("an unknown path"), path)
        for headers in (
            {},
            {"Authorization": f"Bearer {mark('a token')}"},
            {"Authorization": f"Bearer {mark('a token')}.{mark('a token')}.{mark('a token')}"},
            {"Authorization": "Basic " + base64.b64encode(mark("a login").encode()).decode()},
            {"Authorization": f"{mark('a scheme')} {mark('a scheme')}"},
            {"Authorization": "Bearer " + remote.token("iom", [mark("a role")], [])},
            {"Authorization": "Bearer " + remote.token("iom", ["reader"], [mark("a place")])},
            {"Authorization": "Bearer " + remote.token(mark("an agency"), ["reader"], [])},
            {
                "Authorization": "Bearer "
                + remote.token("iom", ["reader"], [], name=mark("claim"), email=mark("claim"), scope=mark("claim"))
            },
        ):
            await remote.client.get(path, headers=headers)
            await remote.client.request(mark("a method").upper(), path, headers=headers)
