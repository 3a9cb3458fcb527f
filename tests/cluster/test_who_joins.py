"""An agency joins a cluster that runs, by one command, and leaves it again."""

import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from deploy.cluster import Cluster
from pulang.credentials import Clients
from tests.system.command import Said, pulang

POST = {"name": "Pos TNJ", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}
PERSON = {
    "name": "Contoh Nama",
    "sex": "F",
    "arrival_point": "TNJ",
    "arrival_date": "2026-11-03",
    "register_anyway": True,
}


@pytest.fixture
def operator(cluster: Cluster, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The operator's environment; nothing of the agency is left at the end."""
    said = {}
    for name in ("env", "operator.env"):
        path = cluster.folder / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        lines = (shlex.split(line.removeprefix("export "))[0] for line in path.read_text().splitlines())
        said |= dict(line.split("=", 1) for line in lines)
    yield said
    pulang("agencies", "remove", "dinsos", variables=said)


def join(operator: dict[str, str], out: Path) -> Said:
    words = ("agencies", "add", "dinsos", "--name", "Dinas Sosial", "--kind", "social_office", "--out", out)
    said = pulang(*words, variables=operator)
    assert said.status == 0, said.err
    return said


def watched(operator: dict[str, str], out: Path, *more: object) -> list[str]:
    """The types on the agency's topic, by its own login."""
    properties = out / "dinsos.properties"
    words = ("watch", "dinsos", "--kafka", "--kafka-config", properties, "--until-idle", "5", "--json")
    said = pulang(*words, *more, variables=operator)
    assert said.status == 0, said.err
    return [orjson.loads(line)["type"] for line in said.out.splitlines()]


def test_by_one_command(cluster: Cluster, operator: dict[str, str], tmp_path: Path) -> None:
    case = registered(cluster, operator)
    said = join(operator, tmp_path)
    assert "topic pulang.agency.dinsos: created, partitions 4\n" in said.out
    assert said.out.endswith("agency dinsos: joined\n")
    for name in ("dinsos.properties", "dinsos.clients.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert join(operator, tmp_path).out == "nothing to change\n"

    told = [one for one in watched(operator, tmp_path) if one.startswith("pulang.case.")]
    assert told == ["pulang.case.registered.v1", "pulang.case.consent_changed.v1"]
    token = Clients(tmp_path / "dinsos.clients.json").token("dinsos", "integrator", ())
    feed = httpx.get(
        f"{cluster.url}/exchange/feed",
        params={"subject": case},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=30,
    )
    assert [event["type"] for event in feed.json()["events"]] == told

    left = pulang("agencies", "remove", "dinsos", variables=operator)
    assert left.out.splitlines() == [
        "agency dinsos: left",
        "client dinsos-reader: removed",
        "client dinsos-integrator: removed",
        "user dinsos: may do nothing any more",
        "user dinsos: removed",
        "topic pulang.agency.dinsos: deleted",
    ]
    assert pulang("agencies", "remove", "dinsos", variables=operator).out == "nothing to change\n"
    words = ("watch", "dinsos", "--kafka", "--kafka-config", tmp_path / "dinsos.properties", "--until-idle", "1")
    assert "refuse" in pulang(*words, variables=operator).line


def registered(cluster: Cluster, operator: dict[str, str]) -> str:
    """A person who agrees to an agency that is not there yet."""
    clients = Clients(Path(operator["PULANG_CLIENTS"]))

    def send(method: str, path: str, agency: str, role: str, body: dict[str, object]) -> httpx.Response:
        token = clients.token(agency, role, ())
        headers = {"Authorization": f"Bearer {token}", "If-Match": "*"}
        answer = httpx.request(method, f"{cluster.url}{path}", json=body, headers=headers, trust_env=False, timeout=30)
        return answer.raise_for_status()

    send("PUT", "/intake/arrival-points/TNJ", "pulang", "administrator", dict(POST))
    case = str(send("POST", "/intake/cases", "bp2mi", "arrival_officer", dict(PERSON)).json()["case_id"])
    decision = {"agency": "dinsos", "level": "pseudonymous"}
    consent = {"decisions": [decision], "given_by": "person", "occurred_at": "2026-11-04"}
    send("POST", f"/intake/cases/{case}/consents", "bp2mi", "arrival_officer", dict(consent))
    return case
