"""Tokens of an OIDC issuer: whose keys count, from when, and until when."""

import asyncio
import contextlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from shared.http import problems
from shared.security.oidc import OidcVerifier
from shared.security.roles import Roles
from shared.security.tokens import IssuerUnavailable, JwtVerifier, Unauthenticated
from shared.settings import SettingInvalid
from tests.shared.security.issuers import DISCOVERY, JWKS, Issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:  # type: ignore[override]
    one = Issuer()
    yield one
    one.close()


def token(issuer: Issuer, key: Any, key_id: str | None = "a", algorithm: str = "EdDSA", **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": issuer.name,
        "aud": "pulang",
        "sub": "someone",
        "agency": "iom",
        "roles": ["reader"],
        "iat": now,
        "exp": now + 600,
    }
    headers = {"jku": "http://127.0.0.1:1/evil", "x5u": "http://127.0.0.1:1/evil"}
    if key_id is not None:
        headers["kid"] = key_id
    return jwt.encode(claims | changes, key, algorithm=algorithm, headers=headers)


def _part(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@contextlib.asynccontextmanager
async def verifying(issuer: Issuer, roles: Roles, *, known: bool = True, **how: Any) -> AsyncIterator[OidcVerifier]:
    verifier = OidcVerifier(how.pop("name", issuer.name), issuer.url, roles, **{"pause_seconds": 0.0} | how)
    await verifier.start()
    try:
        if known:
            await until_lacking(verifier, None)
        yield verifier
    finally:
        await verifier.stop()
        assert verifier.failed() is None


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not reached():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def until_lacking(verifier: OidcVerifier, what: str | None) -> None:
    async with asyncio.timeout(10):
        while (lack := await verifier.healthy()) != what and not (what and what in (lack or "")):  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def refused(verifier: OidcVerifier, text: str) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        await verifier.admit(text)
    return refusal.value.reason


async def test_a_token_of_the_issuer_is_a_caller(issuer: Issuer, roles: Roles) -> None:
    key = issuer.add("a")
    async with verifying(issuer, roles) as verifier:
        caller = verifier.verify(token(issuer, key))
        assert (caller.agency, caller.subject, caller.permissions) == ("iom", "someone", {"feed.read"})
        assert (await verifier.admit(token(issuer, key, sub="another"))).subject == "another"
        assert await verifier.healthy() is None
        assert issuer.times() == 1, "good tokens ask nobody"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "http://127.0.0.1/realms/other"}, "another issuer"),
        ({"iss": ...}, "lacks a claim"),
        ({"aud": "account"}, "another audience"),
        # Fixed moments: a test's name must be the same in every worker that collects it.
        ({"exp": 1_600_000_000}, "expired"),
        ({"nbf": 4_000_000_000}, "not valid yet"),
        ({"agency": "IOM"}, "agency"),
        ({"roles": "administrator"}, "roles"),
    ],
    ids=str,
)
async def test_claims_are_checked(issuer: Issuer, roles: Roles, changes: dict[str, Any], reason: str) -> None:
    key = issuer.add("a")
    text = token(issuer, key, **changes) if ... not in changes.values() else without(token(issuer, key), key, "iss")
    async with verifying(issuer, roles) as verifier:
        assert reason in await refused(verifier, text)


def without(text: str, key: Any, claim: str) -> str:
    claims = jwt.decode(text, options={"verify_signature": False})
    del claims[claim]
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "a"})


async def test_a_new_key_is_found_by_the_first_token_that_names_it(issuer: Issuer, roles: Roles) -> None:
    old = issuer.add("a")
    async with verifying(issuer, roles) as verifier:
        new = issuer.add("b")
        with pytest.raises(Unauthenticated):
            verifier.verify(token(issuer, new, "b"))
        assert issuer.times() == 1, "verify itself asks nobody"
        callers = await asyncio.gather(*(verifier.admit(token(issuer, new, "b", sub=str(n))) for n in range(20)))
        assert {caller.subject for caller in callers} == {str(n) for n in range(20)}
        assert issuer.times() == 2, "twenty who wait ask once"
        assert verifier.verify(token(issuer, old)).agency == "iom"


async def test_a_removed_key_is_refused_also_for_tokens_that_were_seen(issuer: Issuer, roles: Roles) -> None:
    old, new = issuer.add("a"), issuer.add("b")
    async with verifying(issuer, roles, refresh_seconds=0.01) as verifier:
        seen = token(issuer, old)
        verifier.verify(seen)
        del issuer.keys["a"]
        asked = issuer.times()
        await until(lambda: issuer.times() >= asked + 2)
        assert "unknown key" in await refused(verifier, seen)
        assert verifier.verify(token(issuer, new, "b")).agency == "iom"


async def test_a_key_that_is_replaced_under_its_name_is_refused(issuer: Issuer, roles: Roles) -> None:
    old = issuer.add("a")
    async with verifying(issuer, roles, refresh_seconds=0.01) as verifier:
        seen = token(issuer, old)
        verifier.verify(seen)
        issuer.add("a")
        asked = issuer.times()
        await until(lambda: issuer.times() >= asked + 2)
        assert "signature" in await refused(verifier, seen)


def test_a_token_that_was_read_while_its_key_went_is_not_remembered(issuer: Issuer, roles: Roles) -> None:
    key, found = Ed25519PrivateKey.generate(), []

    def key_of(_: str | None) -> Any:
        found.append(key)
        if len(found) == 1:
            verifier.forget()
        return key.public_key()

    verifier = JwtVerifier(key_of=key_of, algorithms=("EdDSA",), issuer=issuer.name, roles=roles)
    seen = token(issuer, key)
    for times in (1, 2, 2):
        verifier.verify(seen)
        assert len(found) == times


async def test_an_issuer_that_withdraws_every_key_is_believed(issuer: Issuer, roles: Roles) -> None:
    key = issuer.add("a")
    async with verifying(issuer, roles, refresh_seconds=0.01) as verifier:
        verifier.verify(token(issuer, key))
        issuer.keys.clear()
        await until_lacking(verifier, "no key")
        assert "no key" in (await verifier.healthy() or "")
        with pytest.raises(IssuerUnavailable):
            await verifier.admit(token(issuer, key))


async def test_made_up_key_ids_do_not_hammer_the_issuer(issuer: Issuer, roles: Roles) -> None:
    key = issuer.add("a")
    async with verifying(issuer, roles, pause_seconds=3600.0) as verifier:
        for number in range(100):
            assert "unknown key" in await refused(verifier, token(issuer, Ed25519PrivateKey.generate(), f"x{number}"))
        assert issuer.times() == 1
        assert verifier.verify(token(issuer, key)).agency == "iom"


async def test_without_a_key_id_nothing_is_tried(issuer: Issuer, roles: Roles) -> None:
    key = issuer.add("a")
    async with verifying(issuer, roles) as verifier:
        assert "unknown key" in await refused(verifier, token(issuer, key, None))


async def test_a_request_never_waits_for_an_issuer_that_is_slow(issuer: Issuer, roles: Roles) -> None:
    key = issuer.add("a")
    async with verifying(issuer, roles) as verifier:
        issuer.hold.clear()
        stranger = asyncio.create_task(verifier.admit(token(issuer, Ed25519PrivateKey.generate(), "x")))
        await until(lambda: issuer.times(DISCOVERY) == 2)
        assert (await asyncio.wait_for(verifier.admit(token(issuer, key)), 0.5)).agency == "iom"
        assert not stranger.done()
        issuer.hold.set()
        with pytest.raises(Unauthenticated):
            await stranger


async def test_an_issuer_that_is_away_makes_503_and_comes_back_by_itself(issuer: Issuer, roles: Roles) -> None:
    key = issuer.add("a")
    issuer.instead[DISCOVERY] = (500, b"")
    async with verifying(issuer, roles, known=False) as verifier:
        await until(lambda: issuer.times(DISCOVERY) >= 1)
        assert issuer.name in (await verifier.healthy() or "")
        app = FastAPI()
        problems.install(app)

        @app.get("/")
        async def ask() -> str:
            return (await verifier.admit(token(issuer, key))).agency

        async with AsyncClient(transport=ASGITransport(app), base_url="http://x") as client:
            answer = await client.get("/")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert answer.headers["content-type"] == "application/problem+json"
            del issuer.instead[DISCOVERY]
            await until_lacking(verifier, None)
            assert (await client.get("/")).json() == "iom"


async def test_nobody_listens_at_all(roles: Roles) -> None:
    gone = Issuer()
    gone.close()
    async with verifying(gone, roles, known=False) as verifier:
        await until_lacking(verifier, "does not answer")
        with pytest.raises(IssuerUnavailable):
            await verifier.admit(token(gone, Ed25519PrivateKey.generate()))


async def test_keys_outlive_a_short_absence_and_not_a_long_one(issuer: Issuer, roles: Roles) -> None:
    key = issuer.add("a")
    for keep, good in ((3600.0, True), (0.0, False)):
        issuer.instead.clear()
        async with verifying(issuer, roles, refresh_seconds=0.01, keep_seconds=keep) as verifier:
            verifier.verify(token(issuer, key))
            issuer.instead[JWKS] = (502, b"")
            asked = issuer.times()
            await until(lambda asked=asked: issuer.times() >= asked + 2)  # type: ignore[misc]
            if good:
                assert verifier.verify(token(issuer, key)).agency == "iom"
                assert await verifier.healthy() is None
            else:
                with pytest.raises(IssuerUnavailable):
                    verifier.verify(token(issuer, key))


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (DISCOVERY, b"{}"),
        (DISCOVERY, b"[]"),
        (DISCOVERY, b"no json"),
        (DISCOVERY, b'{"issuer": "http://127.0.0.1/realms/other", "jwks_uri": "%(url)s/certs"}'),
        (DISCOVERY, b'{"issuer": "%(url)s/", "jwks_uri": "%(url)s/certs"}'),
        (DISCOVERY, b'{"issuer": "%(url)s"}'),
        (DISCOVERY, b'{"issuer": "%(url)s", "jwks_uri": 7}'),
        (DISCOVERY, b'{"issuer": "%(url)s", "jwks_uri": "%(open)s/certs"}'),
        (DISCOVERY, b'{"issuer": "%(url)s", "jwks_uri": "file:///etc/passwd"}'),
        (DISCOVERY, b'{"issuer": "%(url)s", "jwks_uri": "https://["}'),
        (JWKS, b"{}"),
        (JWKS, b'{"keys": {}}'),
        (JWKS, b'{"keys": [{"kty": "OKP", "alg": ["EdDSA"]}]}'),
        (JWKS, b'{"keys": [7, null, {}]}'),
        (JWKS, b'{"keys": []}'),
        (JWKS, b"[" * 100_000),
        (JWKS, b"\xff"),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_what_no_issuer_says_is_not_believed(issuer: Issuer, roles: Roles, path: str, answer: bytes) -> None:
    key = issuer.add("a")
    open_wire = issuer.url.replace("127.0.0.1", "localhost")
    said = answer.replace(b"%(url)s", issuer.url.encode()).replace(b"%(open)s", open_wire.encode())
    issuer.instead[path] = (200, said)
    async with verifying(issuer, roles, known=False, refresh_seconds=0.01) as verifier:
        await until(lambda: issuer.times(path) >= 2)
        with pytest.raises(IssuerUnavailable):
            await verifier.admit(token(issuer, key))


async def test_more_keys_than_anyone_has_are_not_read(issuer: Issuer, roles: Roles) -> None:
    key = issuer.add("a")
    whole = json.dumps({"keys": list(issuer.keys.values())}).encode()
    issuer.instead[JWKS] = (200, whole + b" " * (256 * 1024 - len(whole)))
    async with verifying(issuer, roles) as verifier:
        assert verifier.verify(token(issuer, key)).agency == "iom"
    issuer.instead[JWKS] = (200, whole + b" " * (256 * 1024 + 1 - len(whole)))
    async with verifying(issuer, roles, known=False, refresh_seconds=0.01) as verifier:
        await until_lacking(verifier, "too long")


@pytest.mark.parametrize("changes", [{"use": "enc"}, {"use": None}, {"alg": "RS256"}, {"kid": 7}], ids=str)
async def test_a_key_for_something_else_signs_nothing(issuer: Issuer, roles: Roles, changes: dict[str, Any]) -> None:
    issuer.add("good")
    key = issuer.add("a", **changes)
    async with verifying(issuer, roles) as verifier:
        for key_id in ("a", "7"):
            assert "unknown key" in await refused(verifier, token(issuer, key, key_id))


async def test_a_shared_secret_or_a_private_key_is_no_key(issuer: Issuer, roles: Roles) -> None:
    issuer.add("good")
    secret = b"0123456789abcdef0123456789abcdef"
    encoded = urlsafe_b64encode(secret).decode().rstrip("=")
    issuer.keys["s"] = {"kty": "oct", "kid": "s", "use": "sig", "alg": "HS256", "k": encoded}
    private = Ed25519PrivateKey.generate()
    issuer.show("p", private)
    issuer.keys["p"] |= jwt.algorithms.OKPAlgorithm.to_jwk(private, as_dict=True)
    async with verifying(issuer, roles) as verifier:
        assert "unknown key" in await refused(verifier, token(issuer, secret, "s", "HS256"))
        assert "unknown key" in await refused(verifier, token(issuer, private, "p"))


async def test_the_algorithm_is_not_the_tokens_choice(issuer: Issuer, roles: Roles) -> None:
    key = issuer.add("a")
    public = key.public_key()
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    issuer.keys["r"] = jwt.algorithms.RSAAlgorithm.to_jwk(other.public_key(), as_dict=True)
    issuer.keys["r"] |= {"kid": "r", "use": "sig", "alg": "RS256"}
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    payload = token(issuer, key).split(".")[1]
    async with verifying(issuer, roles) as verifier:
        assert "unknown key" in await refused(verifier, token(issuer, other, "r", "RS256"))
        for algorithm in ("none", "HS256"):
            head = urlsafe_b64encode(json.dumps({"alg": algorithm, "kid": "a"}).encode()).decode().rstrip("=")
            for secret in (pem, raw):
                made = urlsafe_b64encode(hmac.digest(secret, f"{head}.{payload}".encode(), "sha256")).decode()
                for signature in ("", made.rstrip("=")):
                    assert "signature" in await refused(verifier, f"{head}.{payload}.{signature}")
        assert "signature" in await refused(verifier, token(issuer, Ed25519PrivateKey.generate()))


async def test_an_rsa_key_of_the_issuer_is_no_shared_secret(issuer: Issuer, roles: Roles) -> None:
    """Where RS256 is what is pinned, too: the classic, HS256 with the public key that everybody can read."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    issuer.keys["r"] = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    issuer.keys["r"] |= {"kid": "r", "use": "sig", "alg": "RS256"}
    public = key.public_key()
    kinds = (serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1)
    secrets = [public.public_bytes(serialization.Encoding.PEM, kind) for kind in kinds]
    secrets += [secret.strip() for secret in secrets] + [json.dumps(issuer.keys["r"]).encode()]
    async with verifying(issuer, roles, algorithms=("RS256",)) as verifier:
        good = token(issuer, key, "r", "RS256")
        assert verifier.verify(good).agency == "iom"
        payload = good.split(".")[1]
        for algorithm, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")):
            head = _part({"alg": algorithm, "typ": "JWT", "kid": "r"})
            for secret in secrets:
                made = hmac.digest(secret, f"{head}.{payload}".encode(), digest)
                signature = urlsafe_b64encode(made).decode().rstrip("=")
                assert "signature" in await refused(verifier, f"{head}.{payload}.{signature}")
        for other in ("PS256", "RS512"):  # the right key, in a way that nobody agreed on
            assert "signature" in await refused(verifier, token(issuer, key, "r", other))


@pytest.mark.parametrize("key_id", ["a", "evil", None])
@pytest.mark.parametrize("header", ["jwk", "jku", "x5u", "x5c"])
async def test_a_token_brings_no_key_and_points_to_none(
    issuer: Issuer, roles: Roles, header: str, key_id: str | None
) -> None:
    """Signed with its bearer's own key, which it carries, or which a server shows that it names."""
    issuer.add("a")
    evil, elsewhere = Ed25519PrivateKey.generate(), Issuer()
    elsewhere.show("a", evil)
    elsewhere.show("evil", evil)
    brought = {
        "jwk": elsewhere.keys["a"],
        "jku": elsewhere.url + "/certs",
        "x5u": elsewhere.url + "/certs",
        "x5c": [urlsafe_b64encode(evil.public_key().public_bytes_raw()).decode()],
    }[header]
    claims = jwt.decode(token(issuer, evil), options={"verify_signature": False})
    headers = {header: brought} | ({} if key_id is None else {"kid": key_id})
    try:
        async with verifying(issuer, roles) as verifier:
            reason = await refused(verifier, jwt.encode(claims, evil, algorithm="EdDSA", headers=headers))
        assert reason == ("the signature is not valid" if key_id == "a" else "the token is signed with an unknown key")
        assert elsewhere.asked == []
    finally:
        elsewhere.close()


@pytest.mark.parametrize(
    "key_id",
    [
        "../../../../dev/null",
        "/dev/null",
        "a\x00",
        "a' OR '1'='1",
        "file:///etc/hostname",
        "http://127.0.0.1:1/k",
        "",
        "A",
    ],
)
async def test_a_key_id_that_points_elsewhere_is_a_name_that_nobody_has(
    issuer: Issuer, roles: Roles, key_id: str
) -> None:
    issuer.add("a")
    head = f"{_part({'alg': 'HS256', 'kid': key_id})}.{_part({'iss': issuer.name})}"
    empty = f"{head}.{urlsafe_b64encode(hmac.digest(b'', head.encode(), 'sha256')).decode().rstrip('=')}"
    async with verifying(issuer, roles) as verifier:
        for text in (token(issuer, Ed25519PrivateKey.generate(), key_id), empty):
            assert "unknown key" in await refused(verifier, text)
        assert set(issuer.asked) == {DISCOVERY, JWKS}


async def test_an_issuer_may_have_another_name_inside(issuer: Issuer, roles: Roles) -> None:
    issuer.name = "https://pulang.example/realms/x"
    key = issuer.add("a")
    async with verifying(issuer, roles) as verifier:
        assert verifier.verify(token(issuer, key)).agency == "iom"
    async with verifying(issuer, roles, known=False, name=issuer.url) as verifier:
        await until_lacking(verifier, "otherwise")


async def test_another_service_of_the_process_may_stop_it_twice(issuer: Issuer, roles: Roles) -> None:
    never = OidcVerifier(issuer.name, issuer.url, roles)
    await never.stop()
    async with verifying(issuer, roles, known=False) as verifier:
        await verifier.stop()


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("http://issuer.example/realms/x", "http://issuer.example/realms/x"),
        ("http://10.0.0.1/realms/x", "http://10.0.0.1/realms/x/"),
        ("issuer.example", "issuer.example"),
        ("https://", "https://"),
        ("ftp://issuer.example", "ftp://issuer.example"),
        ("https://user:word@issuer.example", "https://user:word@issuer.example"),
        ("https://issuer.example", "keycloak"),
        ("https://[", "https://["),
    ],
)
def test_an_issuer_over_an_open_wire_is_refused(name: str, url: str, roles: Roles) -> None:
    with pytest.raises(SettingInvalid, match="PULANG_OIDC_") as refusal:
        OidcVerifier(name, url, roles)
    assert "word" not in str(refusal.value)


def test_inside_plain_http_is_what_was_configured(roles: Roles) -> None:
    OidcVerifier("https://issuer.example/realms/x", "http://keycloak:8080/realms/x", roles)
    OidcVerifier("http://localhost:8080/realms/x", "http://localhost:8080/realms/x", roles)


def test_no_shared_secret_can_be_configured(roles: Roles) -> None:
    with pytest.raises(SettingInvalid):
        OidcVerifier("https://issuer.example", "https://issuer.example", roles, algorithms=("HS256",))
