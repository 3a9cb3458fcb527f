"""A token of the development issuer becomes the caller it names, as long as it is valid."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from shared.security.roles import Roles
from shared.security.secret_files import SecretInvalid
from shared.security.tokens import DevelopmentIssuer, JwtVerifier, Unauthenticated

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
CLAIMS = {
    "iss": "pulang-development",
    "aud": "pulang",
    "sub": "someone",
    "agency": "iom",
    "roles": ["reader"],
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 3600,
}


class Clock:
    """The verifier's clock; a test moves it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def key_ids() -> list[str | None]:
    """What the verifier asked for, in order: an empty list means that it relied on what it knew."""
    return []


@pytest.fixture
def verifier(signing_key: Any, roles: Roles, clock: Clock, key_ids: list[str | None]) -> JwtVerifier:
    def key_of(key_id: str | None) -> Any:
        key_ids.append(key_id)
        if key_id == "withdrawn":
            raise Unauthenticated("the signing key is not known")
        return signing_key.public_key()

    return JwtVerifier(key_of=key_of, algorithms=["EdDSA"], issuer="pulang-development", roles=roles, now=clock)


def test_a_token_becomes_its_caller(issuer: DevelopmentIssuer, roles: Roles) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    token = issuer.issue("bp2mi", "aid_officer", ["store-1", "store-2"], subject="officer-7")
    caller = issuer.verifier(roles).verify(token)
    assert (caller.subject, caller.agency) == ("officer-7", "bp2mi")
    assert caller.roles == {"aid_officer"}
    assert caller.facilities == {"store-1", "store-2"}
    assert caller.permissions == {"kit.issue", "feed.read"}
    assert before <= caller.expires_at - timedelta(hours=12) <= datetime.now(UTC)
    assert caller.expires_at.tzinfo is UTC


def test_what_is_not_said_is_nothing(issuer: DevelopmentIssuer, roles: Roles) -> None:
    caller = issuer.verifier(roles).verify(issuer.issue("iom", "not_a_role"))
    assert caller.subject == "not_a_role@iom"
    assert caller.facilities == frozenset()
    assert caller.permissions == frozenset()


def test_every_token_has_an_id_of_its_own(issuer: DevelopmentIssuer, roles: Roles) -> None:
    verifier = issuer.verifier(roles)
    assert len({verifier.verify(issuer.issue("iom", "reader")).token_id for _ in range(20)}) == 20


def test_one_facility_may_be_given_as_a_text(issuer: DevelopmentIssuer, roles: Roles) -> None:
    assert issuer.verifier(roles).verify(issuer.issue("iom", "reader", "rptc-1")).facilities == {"rptc-1"}


@pytest.mark.parametrize("agency", ["", "IOM", "i-o-m", "iom\n", "íom", "a" * 65])
def test_no_token_is_issued_that_would_be_refused(agency: str, issuer: DevelopmentIssuer) -> None:
    with pytest.raises(ValueError, match="small letters and digits"):
        issuer.issue(agency, "reader")


def test_the_issuer_keeps_its_key(tmp_path: Path, roles: Roles) -> None:
    token = DevelopmentIssuer(tmp_path).issue("iom", "reader")
    assert (tmp_path / "development-issuer.pem").stat().st_mode & 0o777 == 0o600
    assert DevelopmentIssuer(tmp_path).verifier(roles).verify(token).agency == "iom"


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_broken_key_file_is_told_and_not_replaced(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "development-issuer.pem"
    path.write_bytes(content)
    with pytest.raises(SecretInvalid, match=r"development-issuer\.pem"):
        DevelopmentIssuer(tmp_path)
    assert path.read_bytes() == content


def test_a_token_is_valid_from_its_beginning_to_its_end_with_thirty_seconds_of_leeway(
    signed: Any, verifier: JwtVerifier, clock: Clock
) -> None:
    token = signed({**CLAIMS, "nbf": CLAIMS["iat"]})
    for offset, reason in [
        (-31, "the token is not valid yet"),
        (-30, None),
        (0, None),
        (3599, None),
        (3600, None),
        (3629, None),
        (3630, "the token has expired"),
        (99_999, "the token has expired"),
    ]:
        clock.now = NOW + timedelta(seconds=offset)
        if reason is None:
            assert verifier.verify(token).subject == "someone"
        else:
            with pytest.raises(Unauthenticated) as refusal:
                verifier.verify(token)
            assert refusal.value.reason == reason


def test_a_caller_is_remembered_and_never_beyond_the_expiry(
    signed: Any, verifier: JwtVerifier, clock: Clock, key_ids: list[str | None]
) -> None:
    token = signed(CLAIMS)
    first = verifier.verify(token)
    assert verifier.verify(token) is first
    assert key_ids == [None]
    clock.now = NOW + timedelta(seconds=3600)
    assert verifier.verify(token) == first
    assert key_ids == [None, None]


def test_four_thousand_and_ninety_six_callers_are_remembered_and_the_oldest_goes_first(
    signed: Any, verifier: JwtVerifier, key_ids: list[str | None]
) -> None:
    tokens = [signed({**CLAIMS, "sub": f"caller {number}"}) for number in range(4097)]
    for token in tokens[:4096]:
        verifier.verify(token)
    verifier.verify(tokens[0])
    assert len(key_ids) == 4096
    verifier.verify(tokens[4096])
    verifier.verify(tokens[0])
    assert len(key_ids) == 4097
    verifier.verify(tokens[1])
    assert len(key_ids) == 4098


def test_a_refusal_is_not_remembered_as_a_caller(signed: Any, verifier: JwtVerifier) -> None:
    token = signed({**CLAIMS, "agency": "I O M"})
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            verifier.verify(token)


def test_the_key_is_chosen_by_its_id(signed: Any, verifier: JwtVerifier, key_ids: list[str | None]) -> None:
    verifier.verify(signed(CLAIMS, headers={"kid": "current"}))
    with pytest.raises(Unauthenticated, match="not known"):
        verifier.verify(signed(CLAIMS, headers={"kid": "withdrawn"}))
    assert key_ids == ["current", "withdrawn"]


def test_an_issuer_out_of_reach_is_not_the_callers_fault(signed: Any, roles: Roles) -> None:
    def key_of(key_id: str | None) -> Any:
        raise ConnectionError

    verifier = JwtVerifier(key_of=key_of, algorithms=["EdDSA"], issuer="pulang-development", roles=roles)
    with pytest.raises(ConnectionError):
        verifier.verify(signed(CLAIMS))


def test_threads_share_a_verifier(signed: Any, verifier: JwtVerifier) -> None:
    tokens = {f"caller {number}": signed({**CLAIMS, "sub": f"caller {number}"}) for number in range(50)}
    wrong: list[str] = []

    def verify_all() -> None:
        for _ in range(5):
            for subject, token in tokens.items():
                if verifier.verify(token).subject != subject:
                    wrong.append(subject)

    threads = [threading.Thread(target=verify_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_token_without_an_id_is_named_by_its_digest(signed: Any, verifier: JwtVerifier) -> None:
    token = signed(CLAIMS)
    caller = verifier.verify(token)
    assert len(caller.token_id) == 64
    assert caller.token_id not in token
    assert jwt.decode(token, options={"verify_signature": False}).get("jti") is None
