"""Reaching a running Pulang: its address, and a token for it."""

import os
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulang.complaint import Complaint
from shared.settings import Settings, from_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pulang.credentials import Clients
    from shared.security.tokens import DevelopmentIssuer

OPERATOR = "pulang"
"""The agency in the development tokens of those who run the system."""
TIMEOUT_SECONDS = 60.0


@dataclass(slots=True)
class Tokens:
    """Tokens by role, agency and facilities: the one given for everything, else of an issuer, else for development."""

    data: Path
    given: str | None = None
    clients: "Clients | None" = None
    _issuer: "DevelopmentIssuer | None" = None
    _made: dict[tuple[str, str, tuple[str, ...]], str] = field(default_factory=dict)

    def issue(self, agency: str, role: str, *facilities: str) -> str:
        """A token that is good now; it may be good for minutes only. Raises Complaint where there can be none."""
        if self.given is not None:
            return self.given
        if self.clients is not None:
            return self.clients.token(agency, role, facilities)
        who = (agency, role, facilities)
        if who not in self._made:
            try:
                self._made[who] = self._issuing().issue(agency, role, facilities)
            except ValueError as refused:
                raise Complaint(f"no token for {agency!r}: {refused}") from None
        return self._made[who]

    def bearer(self, agency: str, role: str, *facilities: str) -> "Bearer":
        """For whoever sends several requests over some time."""
        return Bearer(self, agency, role, facilities)

    def _issuing(self) -> "DevelopmentIssuer":
        if self._issuer is None:
            from shared.security.secret_files import SecretInvalid
            from shared.security.tokens import DevelopmentIssuer

            if not self.data.is_dir():
                raise Complaint(
                    f"there is no data folder {self.data} to make a token from: "
                    "start `pulang up` there, name another with --data, or give a --token"
                )
            try:
                self._issuer = DevelopmentIssuer(Settings(self.data).keys)
            except (OSError, SecretInvalid) as broken:
                raise Complaint(
                    f"cannot make a token from {self.data} ({broken}): check the folder, or give a --token"
                ) from None
        return self._issuer


@dataclass(frozen=True, slots=True)
class Bearer:
    """Somebody with a role, whose token is asked for anew at each request."""

    tokens: Tokens
    agency: str
    role: str
    facilities: tuple[str, ...]

    @property
    def header(self) -> dict[str, str]:
        """For one request. Raises Complaint."""
        return {"Authorization": f"Bearer {self.tokens.issue(self.agency, self.role, *self.facilities)}"}


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a running Pulang is, and the tokens to talk to it."""

    url: str
    tokens: Tokens


def reach(url: str | None, token: str | None, data: Path | None) -> Reach:
    """`--url`, PULANG_URL, else DATA/url; `--token`, PULANG_TOKEN, PULANG_CLIENTS, else development tokens.

    PULANG_CLIENTS counts for an address that was named: what runs on DATA knows development tokens only.
    Raises Complaint.
    """
    settings = from_environment(data)
    tokens = Tokens(settings.data, token or os.environ.get("PULANG_TOKEN") or None)
    address = url or os.environ.get("PULANG_URL")
    if address:
        tokens.clients = _clients()
    else:
        try:
            address = settings.address.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            address = ""
    if not address:
        raise Complaint(f"no Pulang runs on {settings.data}: start `pulang up`, or say where it is with --url")
    if not address.startswith(("http://", "https://")):
        raise Complaint(f"{address!r} is no address: it begins with http:// or https://")
    return Reach(address.rstrip("/"), tokens)


def own(address: str, token: str | None, data: Path | None) -> Reach:
    """A Pulang that we started ourselves on DATA."""
    return Reach(address, Tokens(from_environment(data).data, token or os.environ.get("PULANG_TOKEN") or None))


def _clients() -> "Clients | None":
    path = os.environ.get("PULANG_CLIENTS")
    if not path:
        return None
    from pulang.credentials import Clients

    return Clients(Path(path))


@contextmanager
def said_plainly(url: str) -> "Iterator[None]":
    """Whatever goes wrong on the way to the server becomes one line."""
    import httpx

    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as broken:
        raise Complaint(unreachable(url, broken)) from None


def unreachable(url: str, broken: Exception) -> str:
    """The line for a server that did not answer."""
    return f"no answer from {url} ({type(broken).__name__}): is it running? See `pulang up`, or name it with --url"


def content_of(url: str, what: str, status: int, body: bytes) -> Any:
    """What an answer says. Raises Complaint for a refusal, and for what is no answer of a Pulang."""
    import orjson

    if status >= 400:
        raise Complaint(refusal(what, status, body))
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Complaint(f"{what} was not answered with JSON: is {url} the address of a Pulang?") from None


def refusal(what: str, status: int, body: bytes) -> str:
    """The line for an answer that is a problem document: title, detail and pointers, never a value."""
    import orjson

    try:
        problem: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        problem = None
    if not isinstance(problem, Mapping):
        return f"{what} was answered with {status}: is this the address of a Pulang?"
    told = [str(problem.get(part)) for part in ("title", "detail") if problem.get(part)]
    told += [
        f"{fault.get('pointer', '')} {fault.get('detail', '')}".strip()
        for fault in problem.get("errors", ())[:3]
        if isinstance(fault, Mapping)
    ]
    return f"{what} was refused ({status}): {'; '.join(dict.fromkeys(told))}".replace("\n", " ")


class Client:
    """Single requests, for the small commands."""

    def __init__(self, to: Reach, bearer: Bearer) -> None:
        import httpx

        self._url = to.url
        self._bearer = bearer
        with said_plainly(to.url):
            self._http = httpx.Client(base_url=to.url, timeout=TIMEOUT_SECONDS, trust_env=False)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **params: str | int) -> Any:
        """The JSON of an answer. Raises Complaint."""
        header = self._bearer.header
        with said_plainly(self._url):
            answer = self._http.get(path, params=params, headers=header)
            return content_of(self._url, f"GET {path}", answer.status_code, answer.content)

    def put(self, path: str, body: Mapping[str, Any], version: int | None) -> Any:
        """The JSON of an answer; `version`: the one that is changed, None for what is new. Raises Complaint."""
        return self._change("PUT", path, version, json=dict(body))

    def delete(self, path: str, version: int) -> Any:
        """The JSON of an answer. Raises Complaint."""
        return self._change("DELETE", path, version)

    def _change(self, method: str, path: str, version: int | None, **content: Any) -> Any:
        header = self._bearer.header | ({} if version is None else {"If-Match": f'"{version}"'})
        with said_plainly(self._url):
            answer = self._http.request(method, path, headers=header, **content)
            return content_of(self._url, f"{method} {path}", answer.status_code, answer.content)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON of an answer. Raises Complaint."""
        header = self._bearer.header
        with said_plainly(self._url):
            answer = self._http.post(path, json=dict(body), headers=header)
            return content_of(self._url, f"POST {path}", answer.status_code, answer.content)
