"""The realm that Keycloak imports is made from the table of clients, and the table has all that the season needs."""

import json
from pathlib import Path

from deploy.keycloak.local import REALM
from deploy.keycloak.realm import text
from pulang.oidc_clients import CLIENTS, POSTS, SERVICE, SHELTERS
from shared.security.roles import Roles
from shared.settings import ROLES
from tests.system.seasons import EXAMPLE


def test_the_file_is_what_the_table_makes() -> None:
    assert REALM.read_text() == text(), "run `python -m deploy.keycloak.realm > deploy/keycloak/pulang-realm.json`"


def test_no_secret_stands_in_it() -> None:
    clients = json.loads(REALM.read_text())["clients"]
    assert {client["secret"] for client in clients} == {f"${{{client.variable}}}" for client in CLIENTS}
    assert len(clients) == len(CLIENTS) == len({client.variable for client in CLIENTS})


def test_staff_are_at_the_places_of_the_example() -> None:
    places = json.loads((EXAMPLE / "facilities.json").read_text())
    assert [place["code"] for place in places["arrival_points"]] == list(POSTS)
    assert [place["code"] for place in places["shelters"]] == list(SHELTERS)
    for kind in ("arrival_points", "shelters"):
        for place in places[kind]:
            assert any(client.agency == place["agency"] and place["code"] in client.facilities for client in CLIENTS)
    landed = {path.name.split(".")[0].rsplit("-", 1)[1] for path in Path("examples/manifests").glob("2026-*")}
    assert landed <= set(POSTS)


def test_roles_are_those_that_services_know() -> None:
    assert {client.role for client in CLIENTS} == {*Roles.load(ROLES).by_name, SERVICE}
