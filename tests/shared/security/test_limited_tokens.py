"""A token whose scopes name types of events gets these, and never more than one without."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.security.roles import Roles
from shared.security.tokens import Caller, DevelopmentIssuer, Verifier

CHECKED_IN, MADE = "pulang.stay.checked_in.v1", "pulang.referral.made.v1"


@pytest.fixture(scope="module")
def verifier(issuer: DevelopmentIssuer, roles: Roles) -> Verifier:
    return issuer.verifier(roles)


@pytest.fixture(scope="module")
def caller(verifier: Verifier, signed: Callable[..., str]) -> Callable[..., Caller]:
    """Who holds a token with that scope; with none, where none is given."""

    def read(*scope: Any) -> Caller:
        now = int(datetime.now(UTC).timestamp())
        claims = {"iss": "pulang-development", "aud": "pulang", "sub": "x", "agency": "iom", "roles": ["reader"]}
        return verifier.verify(signed(claims | {"iat": now, "exp": now + 600} | ({"scope": scope[0]} if scope else {})))

    return read


@pytest.mark.parametrize(
    ("scope", "types"),
    [
        ("", None),
        ("openid profile", None),
        ("event:x myevents:x Events:x", None),
        (f"events:{CHECKED_IN}", {CHECKED_IN}),
        (f"openid events:{CHECKED_IN}  events:{MADE} email", {CHECKED_IN, MADE}),
        (f"events:{CHECKED_IN} events:{CHECKED_IN}", {CHECKED_IN}),
        ("events:", {""}),
        ("events:*", {"*"}),
        ("events:pulang.stay", {"pulang.stay"}),
        (f"events:{CHECKED_IN},{MADE}", {f"{CHECKED_IN},{MADE}"}),
    ],
)
def test_scopes_name_types_and_nothing_is_guessed(
    scope: str, types: set[str] | None, caller: Callable[..., Caller]
) -> None:
    """A scope that names no type there is limits to nothing: whoever mistypes one gets less, never more."""
    assert caller(scope).event_types == types


def test_without_the_claim_a_token_is_not_limited(caller: Callable[..., Caller]) -> None:
    assert caller().event_types is None


@given(scope=st.text(st.characters(codec="utf-8"), max_size=200))
def test_no_scope_gives_more_than_none(scope: str, caller: Callable[..., Caller]) -> None:
    limited, free = caller(scope), caller()
    assert (limited.permissions, limited.agency, limited.facilities) == (
        free.permissions,
        free.agency,
        free.facilities,
    )
    assert limited.event_types is None or all(f"events:{one}" in scope for one in limited.event_types)
