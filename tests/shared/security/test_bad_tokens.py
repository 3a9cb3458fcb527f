"""Whatever is sent as a token, the answer is a caller or Unauthenticated, and tells nothing of the token."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.security.roles import Roles
from shared.security.tokens import Caller, DevelopmentIssuer, Unauthenticated, Verifier


@pytest.fixture(scope="module")
def verifier(issuer: DevelopmentIssuer, roles: Roles) -> Verifier:
    return issuer.verifier(roles)


def _claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": "pulang-development",
        "aud": "pulang",
        "sub": "someone",
        "agency": "iom",
        "roles": ["reader"],
        "facilities": ["rptc-1"],
        "iat": now,
        "exp": now + 600,
        "jti": "t1",
    } | changes
    return {name: value for name, value in claims.items() if value is not ...}


def _part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _refused(verifier: Verifier, token: Any) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        verifier.verify(token)
    reason = refusal.value.reason
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None
    assert len(reason) < 60
    assert not isinstance(token, str) or len(token) < 12 or token not in reason
    return reason


def test_the_claims_of_these_tests_are_good(verifier: Verifier, signed: Callable[..., str]) -> None:
    assert verifier.verify(signed(_claims())).token_id == "t1"
    assert verifier.verify(signed(_claims(facilities=..., jti=...))).facilities == frozenset()
    assert verifier.verify(signed(_claims(aud=["other", "pulang"]))).agency == "iom"
    assert verifier.verify(signed(_claims(exp=time.time() + 60.5))).agency == "iom"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        *[({name: ...}, "lacks a claim") for name in ("iss", "aud", "exp", "iat", "sub", "agency", "roles")],
        ({"iss": "someone-else"}, "another issuer"),
        ({"iss": "pulang-development "}, "another issuer"),
        ({"aud": "account"}, "another audience"),
        ({"aud": ["account", "pulang2"]}, "another audience"),
        ({"aud": []}, "lacks a claim"),
        ({"aud": 7}, "another audience"),
        ({"aud": None}, "lacks a claim"),
        ({"exp": 1_600_000_000}, "expired"),
        ({"exp": 0}, "expired"),
        *[({"exp": value}, "exp") for value in (-1, "9999999999", True, [], {}, 10**400, 1e300, 253_402_300_799)],
        *[({"exp": float(value)}, "exp") for value in ("nan", "inf", "-inf")],
        ({"iat": 4_000_000_000}, "not valid yet"),
        ({"nbf": 4_000_000_000}, "not valid yet"),
        *[({"iat": value}, "iat") for value in ("yesterday", True, 10**400)],
        *[({"nbf": value}, "nbf") for value in (None, "now", False)],
        *[({"sub": value}, "") for value in (7, [], {}, "", "a" * 257, "a\nb", "a\x00", "\ud800")],
        *[
            ({"agency": value}, "agency")
            for value in (7, ["iom"], {}, "", "IOM", "iom\n", "i om", "íom", "iom*", "a" * 65, "١")
        ],
        *[
            ({"roles": value}, "roles")
            for value in ("reader", {}, {"reader": 1}, 7, True, [7], ["reader", None], [["reader"]], [""])
        ],
        *[
            ({"facilities": value}, "facilities")
            for value in ("rptc-1", None, {}, 7, [7], [None], [["x"]], ["a\nb"], ["*", ""])
        ],
        *[({"jti": value}, "") for value in (7, [], "", "a\r\nb")],
        *[({"scope": value}, "scope") for value in (7, None, ["events:x"], {}, True)],
    ],
    ids=lambda value: repr(value)[:40],
)
def test_signed_but_strange(
    changes: dict[str, Any], reason: str, verifier: Verifier, signed: Callable[..., str]
) -> None:
    assert reason in _refused(verifier, signed(_claims(**changes)))


@pytest.mark.parametrize("payload", [b"[]", b"null", b'"text"', b"7", b"", b"{", b"\xff", b"[" * 3000, b"9" * 5000])
def test_signed_but_no_claims(payload: bytes, verifier: Verifier, signing_key: Any) -> None:
    assert "malformed" in _refused(verifier, jwt.PyJWS().encode(payload, signing_key, algorithm="EdDSA"))


def test_unsigned(verifier: Verifier) -> None:
    assert "signature" in _refused(verifier, jwt.encode(_claims(), None, algorithm="none"))
    for algorithm in ("none", "None", "NONE", "nOnE", ""):
        header = _part({"alg": algorithm, "typ": "JWT"})
        for signature in ("", "AAAA"):
            _refused(verifier, f"{header}.{_part(_claims())}.{signature}")


def test_signed_with_the_public_key_as_a_shared_secret(verifier: Verifier, signing_key: Any) -> None:
    public = signing_key.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    for secret in (pem, pem.strip(), raw):
        for algorithm, digest in (("HS256", "sha256"), ("HS512", "sha512")):
            head = f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(_claims())}"
            signature = hmac.digest(secret, head.encode(), digest)
            assert "signature" in _refused(verifier, f"{head}.{_part(signature)}")


def test_signed_with_another_key(verifier: Verifier, tmp_path: Path) -> None:
    assert "signature" in _refused(verifier, DevelopmentIssuer(tmp_path).issue("iom", "reader"))


def test_altered_after_signing(verifier: Verifier, signed: Callable[..., str]) -> None:
    header, _, signature = signed(_claims()).split(".")
    assert "signature" in _refused(verifier, f"{header}.{_part(_claims(agency='kemensos'))}.{signature}")
    other = _part({"alg": "EdDSA", "typ": "JWT", "kid": "x"})
    assert "signature" in _refused(verifier, f"{other}.{_part(_claims())}.{signature}")


@pytest.mark.parametrize(
    "header",
    [
        {"kid": 7},
        {"kid": ["a"]},
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False, "crit": ["b64"]},
        {"alg": ["EdDSA"]},
        {"alg": None},
        {"alg": {"EdDSA": 1}},
    ],
    ids=repr,
)
def test_a_strange_header(header: dict[str, Any], verifier: Verifier, signing_key: Any) -> None:
    head = f"{_part({'alg': 'EdDSA', 'typ': 'JWT'} | header)}.{_part(_claims())}"
    _refused(verifier, f"{head}.{_part(signing_key.sign(head.encode()))}")


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "no token"),
        (None, "no token"),
        (b"a.b.c", "no token"),
        (7, "no token"),
        ("Bearer", "malformed"),
        ("...", "malformed"),
        ("a.b.c", "malformed"),
        ("é.é.é", "malformed"),
        ("\ud800", "malformed"),
        ("\x00" * 40, "malformed"),
        (_part(b"[" * 5000), "malformed"),
        (f"{_part(b'[' * 5000)}.e30.AAAA", "malformed"),
        (f"{_part(b'9' * 5000)}.e30.AAAA", "malformed"),
        ("a" * 8192, "malformed"),
        ("a" * 8193, "too long"),
        ("é" * 8193, "too long"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_no_token_at_all(token: Any, reason: str, verifier: Verifier) -> None:
    assert reason in _refused(verifier, token)


def test_a_good_token_that_is_too_long(verifier: Verifier, signed: Callable[..., str]) -> None:
    claims = _claims(facilities=[f"{number:04}-" + "x" * 60 for number in range(100)])
    assert "too long" in _refused(verifier, signed(claims))


def test_a_good_token_with_something_around_it(verifier: Verifier, signed: Callable[..., str]) -> None:
    token = signed(_claims())
    for wrong in (f" {token}", f"{token}\n", f"Bearer {token}", f"{token}.", f"{token}.x", token[:-2]):
        _refused(verifier, wrong)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def _caller_or_unauthenticated(verifier: Verifier, token: str) -> None:
    try:
        answer: Caller | str = verifier.verify(token)
    except Unauthenticated as refusal:
        answer = refusal.reason
    assert isinstance(answer, Caller) or answer.isprintable()


@settings(deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="eyJ.=-_", max_size=200))
def test_any_text(verifier: Verifier, token: str) -> None:
    _caller_or_unauthenticated(verifier, token)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()), min_size=3, max_size=3))
def test_any_three_parts(verifier: Verifier, parts: list[bytes]) -> None:
    _caller_or_unauthenticated(verifier, ".".join(_part(part) for part in parts))


@settings(deadline=None, max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(["iss", "aud", "sub", "agency", "roles", "facilities", "iat", "nbf", "exp", "jti"]),
        JSON,
        min_size=1,
        max_size=4,
    )
)
def test_any_signed_claims(verifier: Verifier, signing_key: Any, changes: dict[str, Any]) -> None:
    payload = json.dumps(_claims() | changes).encode()
    _caller_or_unauthenticated(verifier, jwt.PyJWS().encode(payload, signing_key, algorithm="EdDSA"))


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk", "x5u"]), JSON, max_size=4))
def test_any_signed_header(verifier: Verifier, signing_key: Any, header: dict[str, Any]) -> None:
    head = f"{_part({'alg': 'EdDSA'} | header)}.{_part(_claims())}"
    _caller_or_unauthenticated(verifier, f"{head}.{_part(signing_key.sign(head.encode()))}")
