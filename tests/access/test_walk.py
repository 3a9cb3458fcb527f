"""No route without a door, no door without somebody who may pass it, and nobody passes another's."""

import json
from collections import Counter
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from pulang.app import create_app
from pulang.services import SERVICES
from shared.http.problems import MEDIA_TYPE
from shared.security.roles import Roles
from shared.settings import ROLES, Settings
from tests.access.walking import OPEN, Walked, holder, walk
from tests.world import Pulang


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return create_app(Settings(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def operations(app: FastAPI) -> list[Walked]:
    return list(walk(app))


def test_every_route_declares_its_permission(operations: list[Walked]) -> None:
    assert {one.template.split("/")[1] for one in operations} == set(SERVICES)
    assert [str(one) for one in operations if len(one.permissions) != 1] == []


def test_the_walk_finds_a_route_without_a_door(tmp_path_factory: pytest.TempPathFactory) -> None:
    app = create_app(Settings(tmp_path_factory.mktemp("data")))
    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/intake")

    @inner.get("/forgotten")
    async def forgotten() -> None:
        return None

    outer.include_router(inner)
    app.include_router(outer)

    assert [str(one) for one in walk(app) if not one.permissions] == ["GET /intake/inner/forgotten"]


def test_every_permission_is_known_and_given_to_somebody(operations: list[Walked]) -> None:
    given = frozenset().union(*(role.permissions for role in Roles.load(ROLES).by_name.values()))
    asked = frozenset().union(*(one.permissions for one in operations))

    assert asked <= given


def test_every_operation_is_described_with_an_example(app: FastAPI, operations: list[Walked]) -> None:
    for one in operations:
        assert one.described is not None, one
        assert one.described.get("summary"), one
        assert one.described.get("description"), one
        assert _example_of_answer(one.described), one
        assert _example_of_request(app.openapi(), one.described), one
        assert {"401", "403"} <= set(one.described["responses"]), one
    ids = Counter(one.described["operationId"] for one in operations if one.described)
    assert [name for name, count in ids.items() if count > 1] == []


def test_links_lead_to_what_there_is(app: FastAPI, operations: list[Walked]) -> None:
    """Each names an operation, and parameters that it has."""
    described = {one.described["operationId"]: one.described for one in operations if one.described}
    links = [
        link
        for one in described.values()
        for answer in one["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert len(links) > 20
    for link in links:
        target = described[link["operationId"]]
        assert set(link.get("parameters", {})) <= {one["name"] for one in target["parameters"]}
        assert "requestBody" not in link or "requestBody" in target


def test_every_operation_tells_what_the_door_and_the_edge_answer(app: FastAPI, operations: list[Walked]) -> None:
    for one in operations:
        assert one.described is not None
        told = {"401", "403", "422", "429", "503"}
        told |= {"400", "413", "415"} if "requestBody" in one.described else set()
        told |= {"423"} if one.method != "GET" else set()
        told |= {"409"} if one.method == "POST" else set()
        assert told <= set(one.described["responses"]), one
        for status, answer in one.described["responses"].items():
            if int(status) >= 400:
                assert answer["content"][MEDIA_TYPE]["schema"] == {"$ref": "#/components/schemas/Problem"}, one
                assert answer["content"][MEDIA_TYPE]["examples"], one
    assert "Problem" in app.openapi()["components"]["schemas"]


async def test_nobody_comes_in_without_a_token_or_with_another_role(pulang: Pulang) -> None:
    app = pulang.client._transport.app  # type: ignore[attr-defined]
    for one in walk(app):
        (permission,) = one.permissions
        _refused(one, await pulang.client.request(one.method, one.path), 401)
        _refused(one, await pulang.client.request(one.method, one.path, headers={"Authorization": "Bearer x"}), 401)
        wrong = holder(pulang, permission, lacking=True)
        _refused(one, await wrong._send(one.method, one.path), 403)


async def test_what_is_open_needs_no_token(pulang: Pulang) -> None:
    for path in OPEN:
        assert (await pulang.client.get(path)).status_code == 200, path


def _refused(one: Walked, answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, f"{one}: {answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == MEDIA_TYPE, one
    assert answer.json()["status"] == status, one
    assert ("www-authenticate" in answer.headers) is (status == 401), one


def _example_of_answer(described: dict[str, Any]) -> bool:
    good = [content for status, content in described["responses"].items() if status.startswith("2")]
    return any("example" in media or "examples" in media for one in good for media in one.get("content", {}).values())


def _example_of_request(document: dict[str, Any], described: dict[str, Any]) -> bool:
    if "requestBody" not in described:
        return True
    media = described["requestBody"]["content"]["application/json"]
    schema = media["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    examples = schema.get("examples") or [media.get("example")]
    return bool(json.dumps(examples) != "[null]")
