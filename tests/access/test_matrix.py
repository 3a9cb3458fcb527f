"""Every route, for every role, agency and place: what comes back.

One world is prepared for all of it. What must be refused comes first and may change nothing; then what is allowed.
"""

import hashlib
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from pulang.services import SERVICES
from shared.http.faults import UNKNOWN_FIELD
from shared.http.problems import MEDIA_TYPE
from shared.settings import Settings
from tests.access.asking import at, nothing_like, objects_named, objects_of, send, with_other
from tests.access.matrix import ROWS
from tests.access.matrix.row import EMPTY, NEW, Any_, Row
from tests.access.prepared import ALL_ROLES, NOTE, Caller, Prepared, Side, receivers_here
from tests.access.walking import Walked, walk
from tests.world import running

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOT_OF_THE_WORK = {"audit", "audit_heads", "answers", "relay_lease", "alembic_version", "sqlite_sequence"}
"""Refusals are noted in the first; the rest is not about anybody."""
FIELDS_OF_OURS = {"agency", "facility_agency", "arrival_agency", "status", "case_id", "roles", "permissions", "grant"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prepared]:
    folder = tmp_path_factory.mktemp("access") / "data"
    shutil.copytree(migrated_folder, folder)
    with receivers_here():
        async with running(Settings(folder)) as pulang:
            prepared = Prepared(pulang)
            await prepared.live()
            yield prepared


def app_of(world: Prepared) -> FastAPI:
    app: FastAPI = world.pulang.client._transport.app  # type: ignore[attr-defined]
    return app


def routes_of(world: Prepared, *, rowless: bool = False) -> dict[str, Walked]:
    """Those that have a row; that one has none is told once, and not by every test."""
    return {str(one): one for one in walk(app_of(world)) if rowless or str(one) in ROWS}


def reached(row: Row, caller: Caller, side: Side) -> bool | int:
    return caller.reaches(side) if row.reach is None else row.reach(caller, side)


def looks(answer: httpx.Response) -> tuple[int, str, dict[str, str]]:
    """All that the asker can tell of an answer."""
    told = {name: value for name, value in answer.headers.items() if name not in ("x-correlation-id", "ratelimit")}
    return answer.status_code, answer.text, told


def standing(world: Prepared) -> dict[str, str]:
    """A hash of each table of each service."""
    found = {}
    for service in SERVICES:
        for (table,) in world.pulang.rows(service, "SELECT name FROM sqlite_master WHERE type = 'table'"):
            if table not in NOT_OF_THE_WORK:
                rows = sorted(map(repr, world.pulang.rows(service, f'SELECT * FROM "{table}"')))
                found[f"{service}.{table}"] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


async def test_every_route_has_its_row(world: Prepared) -> None:
    routes = routes_of(world, rowless=True)
    document = app_of(world).openapi()
    missing = []
    for route in sorted(set(routes) - set(ROWS)):
        one = routes[route]
        roles = " ".join(name for name, role in ALL_ROLES.items() if one.permissions <= role.permissions)
        others = dict.fromkeys(sorted(objects_named(document, one.described or {})), 404)
        file = f"tests/access/matrix/{one.template.split('/')[1]}.py"
        missing.append(f'{file} needs a row:\n    "{route}": row("{roles}", lambda it: ask(...), {others})')
    assert not missing, "\n" + "\n".join(missing)
    assert sorted(set(ROWS) - set(routes)) == [], "rows of routes that are no more"


async def test_rows_and_roles_say_the_same(world: Prepared) -> None:
    """Two who are asked: the matrix, and what the roles' file gives to whoever holds the route's permission."""
    for route, one in routes_of(world).items():
        held = {name for name, role in ALL_ROLES.items() if one.permissions <= role.permissions}
        assert ROWS[route].may == held, f"{route} needs {set(one.permissions)}"


async def test_every_parameter_that_names_something_is_in_its_row(world: Prepared) -> None:
    document = app_of(world).openapi()
    for route, one in routes_of(world).items():
        named = objects_named(document, one.described or {})
        assert named == set(ROWS[route].others), f"{route}: what is answered to who names another's there?"


async def test_nobody_without_a_token_and_no_other_role_comes_in(world: Prepared) -> None:
    before = standing(world)
    for route, row in ROWS.items():
        request = row.ask(world.own)
        nobody = Caller("nobody", "", (), world.pulang.user("nobody", "kemensos", world.own.places))
        refused_as(await send(nobody, route, request), 403, route)
        nobody.user._headers.clear()
        refused_as(await send(nobody, route, request), 401, route)
        for role in set(ALL_ROLES) - row.may:
            refused_as(await send(world.at(role, world.own), route, request), 403, f"{route} for {role}")
    assert standing(world) == before


async def test_what_is_out_of_scope_is_not_there(world: Prepared) -> None:
    """The whole request is another side's: the answer is that of a request that names nothing there is."""
    before, asked = standing(world), 0
    for route, row in ROWS.items():
        for caller, side in ((c, s) for role in sorted(row.may) for c in world.callers(role) for s in world.sides):
            verdict = reached(row, caller, side)
            hidden = {name: other for name, other in row.others.items() if other == EMPTY or isinstance(other, int)}
            if verdict is True or not hidden:
                continue
            request = row.ask(side)
            answer, where = await send(caller, route, request), f"{route}: {caller}, of {side.name}"
            asked += 1
            if verdict is not False:
                refused_as(answer, verdict, where)
                continue
            statuses = {200 if other == EMPTY else other for other in hidden.values()}
            assert answer.status_code in statuses, f"{where}: {answer.status_code} {answer.text}"
            for name in hidden:
                request = with_other(request, name, nothing_like(at(request, name)))
            assert looks(await send(caller, route, request)) == looks(answer), where
    assert asked > 500
    assert standing(world) == before


async def test_each_name_of_anothers_is_refused_like_one_of_nothing(world: Prepared) -> None:
    """One parameter after the other, in a request that is good otherwise (BOLA)."""
    before, asked = standing(world), 0
    for route, row in ROWS.items():
        for caller in (world.at(role, world.own) for role in sorted(row.may)):
            for name, other in row.others.items():
                for side in (one for one in (world.sister, world.foreign) if reached(row, caller, one) is False):
                    if isinstance(other, Any_) or other == NEW:
                        continue
                    where = f"{route}: {caller} names {name} of {side.name}"
                    good = row.ask(world.own)
                    theirs = with_other(good, name, at(row.ask(side), name))
                    nothing = with_other(good, name, nothing_like(at(good, name)))
                    answer = await send(caller, route, theirs)
                    if other == EMPTY:
                        assert (answer.status_code, answer.json()) == (200, {"items": []}), where
                    else:
                        refused_as(answer, int(other), where)
                    assert looks(answer) == looks(await send(caller, route, nothing)), where
                    asked += 1
    assert asked > 100
    assert standing(world) == before


async def test_no_body_takes_a_field_that_is_not_its_own(world: Prepared) -> None:
    """Mass assignment: each object of each body is given the columns of the service's tables, and what tokens hold."""
    before, document = standing(world), app_of(world).openapi()
    for route, one in routes_of(world).items():
        row, service = ROWS[route], one.template.split("/")[1]
        columns = {
            column
            for table, _ in [key.split(".") for key in before if key.startswith(f"{service}.")]
            for column in _columns(world, service, table)
        }
        for pointer, is_open, properties in objects_of(document, one.described or {}):
            if pointer in row.judged_apart:
                continue
            assert not is_open, f"{route}: {pointer} takes any field"
            extras = sorted((columns | FIELDS_OF_OURS) - set(properties))
            for some in (extras[start : start + 60] for start in range(0, len(extras), 60)):
                request = row.ask(world.own)
                body = _with_fields(request.body, pointer.split(".")[1:], properties, some)
                caller = world.at(sorted(row.may)[0], world.own)
                answer = await send(caller, route, type(request)(request.path, request.query, body, request.headers))
                refused_as(answer, 422, f"{route}: {pointer}")
                refused = Counter(e["pointer"] for e in answer.json()["errors"] if e["detail"] == UNKNOWN_FIELD)
                assert len(refused) == 1, f"{route}: {pointer}: {refused}"
                assert refused.total() == len(some), f"{route}: {pointer} takes one of {some}"
    assert standing(world) == before


async def test_manifest_rows_take_no_field_of_ours(world: Prepared) -> None:
    """Rows are judged one by one: one with another field is not registered, and says that it has one."""
    caller, good = world.at("arrival_officer", world.own), ROWS["POST /intake/manifests"].ask(world.own)
    fields = sorted(FIELDS_OF_OURS | {"key_id", "facility", "referral_status", "consent_recorded", "manifest_id"})
    rows = [{"row_key": name, "name": "Contoh", "sex": "F", name: "iom"} for name in fields]
    answer = await send(caller, "POST /intake/manifests", type(good)({}, {}, good.body | {"rows": rows}, {}))
    assert answer.status_code == 201, answer.text
    assert answer.json()["registered"] == 0
    told = {one["row_key"]: one["errors"] for one in answer.json()["rows"]}
    assert told == {name: [{"detail": UNKNOWN_FIELD, "pointer": "#"}] for name in fields}


async def test_no_list_holds_anything_of_who_is_out_of_scope(world: Prepared) -> None:
    """Whatever can be read without naming anything, as far as a page reaches."""
    asked = 0
    for route, one in routes_of(world).items():
        parameters = (one.described or {}).get("parameters", ())
        if one.method != "GET" or any(p["in"] == "path" or p.get("required") for p in parameters):
            continue
        row = ROWS[route]
        for caller in () if row.endless else (c for role in sorted(row.may) for c in world.callers(role)):
            limit = {"limit": "1000"} if any(p["name"] == "limit" for p in parameters) else {}
            bare = row.ask(world.own)
            answer = await send(caller, route, type(bare)({}, limit, None, {}))
            assert answer.status_code == 200, f"{route}: {caller}: {answer.text}"
            for side in world.sides:
                if reached(row, caller, side) is False:
                    assert not [one for one in side.ids if one in answer.text], f"{route}: {caller} sees {side.name}"
            asked += 1
    assert asked > 100


async def test_a_clients_own_id_never_touches_what_has_it_elsewhere(world: Prepared) -> None:
    """Who makes something under the id of what is another's: refused, or theirs alone; the other's stays as it is."""
    their = world.foreign
    ids = [their.case, their.manifest, their.trip, their.donation, their.request, their.shipment, their.stay]
    ids += [their.session, their.spares["pending"][0]]
    before = await as_they_see_it(world, their)
    world.own.spending = True
    for route, row in ROWS.items():
        for name in (name for name, other in row.others.items() if other == NEW):
            caller = world.at(sorted(row.may)[0], world.own)
            for taken in ids:
                answer = await send(caller, route, with_other(row.ask(world.own), name, taken))
                assert answer.status_code in (201, 404, 409, 422), f"{route}: {answer.text}"
                told = [one for one in their.ids - {taken} if one in answer.text]
                assert told == [], f"{route}: {name} of {taken} tells of what is not theirs"
    await world.pulang.settled()
    assert await as_they_see_it(world, their) == before


async def test_who_may_is_let_in(world: Prepared) -> None:
    """Last, for it uses things up. It also shows that the requests above were good but for what they named.

    And of all that anybody may read, one route alone holds what a counsellor wrote; no event does.
    """
    asked, held = 0, set()
    for side in world.sides:
        side.spending = True
    for route, row in ROWS.items():
        for role in sorted(row.may):
            everybody = route.startswith("GET") and "/operations/" not in route
            callers = world.callers(role) if everybody else [world.at(role, world.own), world.of(role, "iom")]
            sides = (world.own,) if "/operations/" in route else world.sides
            for caller, side in ((caller, side) for caller in callers for side in sides):
                if row.endless or reached(row, caller, side) is not True:
                    continue
                answer = await send(caller, route, row.ask(side))
                assert answer.status_code in row.good, f"{route}: {caller}, of {side.name}: {answer.text}"
                asked += 1
                if NOTE in answer.text:
                    held.add((route, role))
    assert asked > 500
    note = "GET /psychosocial/sessions/{session_id}/note"
    assert held == {(note, "counsellor"), (note, "supervisor")}
    for service in SERVICES:
        told = [payload for (payload,) in world.pulang.rows(service, "SELECT payload FROM events")]
        assert not [one for one in told if NOTE.encode() in one or b'"note"' in one]


def refused_as(answer: httpx.Response, status: int, where: str) -> None:
    assert answer.status_code == status, f"{where}: {answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == MEDIA_TYPE, where
    assert answer.json()["status"] == status, where


async def as_they_see_it(world: Prepared, side: Side) -> dict[str, Any]:
    """What belongs to a side, as its own supervisor reads it."""
    seen = {}
    for route, row in ROWS.items():
        role = next((role for role in ("supervisor", "counsellor") if role in row.may), None)
        of_theirs = not any(part in route for part in ("/operations/", "figures", "indicators", "access-record"))
        if route.startswith("GET") and role is not None and of_theirs:
            seen[route] = (await send(world.at(role, side), route, row.ask(side))).text
    return seen


def _columns(world: Prepared, service: str, table: str) -> list[str]:
    return [name for (name,) in world.pulang.rows(service, f"SELECT name FROM pragma_table_info('{table}')")]


def _with_fields(body: Any, steps: list[str], properties: dict[str, Any], fields: list[str]) -> Any:
    """The body with those fields in the object that is there; one is made where the request has none."""
    extra = dict.fromkeys(fields, "iom")
    if not steps:
        return dict(body or {}) | extra
    inner = (body or {}).get(steps[0])
    if isinstance(inner, list):
        changed: Any = [_with_fields(inner[0] if inner else {}, steps[1:], properties, fields)]
    else:
        changed = _with_fields(inner if isinstance(inner, dict) else {}, steps[1:], properties, fields)
    return dict(body or {}) | {steps[0]: changed}
