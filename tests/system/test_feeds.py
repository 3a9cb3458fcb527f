"""The search for personal data in what Pulang tells and keeps: whatever is planted is found."""

import pytest

from tests.system.feeds import Secrets
from tests.system.seasons import EXAMPLE

BEFORE, AFTER = b'{"id":"0192-1234567-22","at":"2026-11-23T07:00:00Z","seen":"B1 ', b'","and":1}'


@pytest.mark.parametrize("kind", ["names", "numbers", "documents", "births"])
def test_each_of_the_caseload_is_found_where_it_stands(kind: str) -> None:
    secrets = Secrets(EXAMPLE)
    for secret in getattr(secrets, kind):
        text = b" ".join(secret) if kind == "names" else secret
        assert secrets.found_in(BEFORE + text + AFTER) == 1


def test_what_only_looks_like_it_is_not() -> None:
    assert Secrets(EXAMPLE).found_in(BEFORE + AFTER) == 0
