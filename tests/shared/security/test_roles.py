"""Roles are data; a file that says something else than it means is refused."""

import json
from pathlib import Path

import pytest

from shared.security.roles import Roles, RolesInvalid

OFFICER = {"title_en": "Arrival officer", "title_id": "Petugas kedatangan", "permissions": ["case.register"]}
READER = {"title_en": "Reader", "title_id": "Pembaca", "permissions": ["feed.read", "case.read"]}


def _written(folder: Path, content: object) -> Path:
    path = folder / "roles.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_caller_may_do_what_any_of_its_roles_allows(tmp_path: Path) -> None:
    roles = Roles.load(_written(tmp_path, {"arrival_officer": OFFICER, "reader": READER}))
    assert roles.by_name["reader"].title_id == "Pembaca"
    assert roles.permissions_of(["reader"]) == {"feed.read", "case.read"}
    assert roles.permissions_of(["reader", "arrival_officer"]) == {"feed.read", "case.read", "case.register"}
    assert roles.permissions_of([]) == frozenset()


def test_an_unknown_role_allows_nothing(tmp_path: Path) -> None:
    roles = Roles.load(_written(tmp_path, {"reader": READER}))
    assert roles.permissions_of(["uma_authorization"]) == frozenset()
    assert roles.permissions_of(["uma_authorization", "reader"]) == {"feed.read", "case.read"}


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"Reader": READER},
        {"": READER},
        {"reader": []},
        {"reader": {**READER, "permisions": []}},
        {"reader": {"title_en": "Reader", "permissions": []}},
        {"reader": {**READER, "title_id": ""}},
        {"reader": {**READER, "permissions": "feed.read"}},
        {"reader": {**READER, "permissions": [1]}},
        {"reader": {**READER, "permissions": [""]}},
    ],
)
def test_another_form_is_refused(content: object, tmp_path: Path) -> None:
    with pytest.raises(RolesInvalid):
        Roles.load(_written(tmp_path, content))


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b""])
def test_what_is_no_json_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "roles.json"
    path.write_bytes(content)
    with pytest.raises(RolesInvalid, match=r"roles\.json"):
        Roles.load(path)
