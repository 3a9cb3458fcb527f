"""compose.yaml as `make cluster` reads it, and what it does with a small one. The whole is in tests/cluster."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.cluster.compose import read
from deploy.cluster.interpolation import interpolate
from deploy.cluster.places import Places, block_of
from deploy.cluster.running import Cluster, cluster_of
from pulang.complaint import Complaint

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"
SERVICES = ("intake", "shelter", "aid", "psychosocial", "exchange")
SECONDS = 30.0

Write = Callable[..., Path]


@pytest.fixture
def compose(tmp_path: Path) -> Write:
    """Writes a compose.yaml of services alone, each built here unless it says otherwise."""

    def write(services: dict[str, Any], **more: Any) -> Path:
        file = tmp_path / "compose.yaml"
        built = {name: {"build": ".", "volumes": ["data:/data"], **body} for name, body in services.items()}
        file.write_text(yaml.safe_dump({"services": built, "volumes": {"data": None}, **more}, sort_keys=False))
        return file

    return write


@contextmanager
def started(file: Path) -> Iterator[Cluster]:
    folder = file.parent / "cluster"
    folder.mkdir(exist_ok=True)
    with cluster_of(1, folder, file) as cluster:
        cluster.start()
        yield cluster


def until(true: Callable[[], object], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


@pytest.mark.parametrize(("said", "told"), [("", "/32"), ("192.0.2.0/24", "192.0.2.0/24")])
def test_nothing_said_of_webhooks_is_the_receivers_address(
    compose: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, told: str
) -> None:
    monkeypatch.setenv("PULANG_WEBHOOK_ALLOW", said)
    file = compose({"x": {"environment": {"ALLOW": "${PULANG_WEBHOOK_ALLOW:-}"}}})
    (tmp_path / "cluster").mkdir()
    with cluster_of(1, tmp_path / "cluster", file) as cluster:
        assert cluster.services[0].environment["ALLOW"].endswith(told)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${SET}", "yes"),
        ("$SET-", "yes-"),
        ("$$SET", "$SET"),
        ("${NONE}", ""),
        ("${NONE:-a:b}/c", "a:b/c"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY-other}", ""),
        ("${SET:+given}${NONE:+given}", "given"),
        ("${SET:?why}", "yes"),
    ],
)
def test_variables_are_filled_in_as_compose_does(text: str, value: str) -> None:
    assert interpolate({"a": [text]}, {"SET": "yes", "EMPTY": ""}) == {"a": [value]}


@pytest.mark.parametrize("text", ["${A:-${B}}", "${A", "$1", "${A/b/c}", "${EMPTY:?say which}"])
def test_a_variable_that_is_not_understood_is_told_with_its_place(text: str) -> None:
    with pytest.raises(Complaint, match=r"services\.x\.command\[0\]"):
        interpolate({"services": {"x": {"command": [text]}}}, {"EMPTY": ""})


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"hostname": "x"}, "services.x.hostname"),
        ({"depends_on": {"x": {"condition": "service_healthy", "restart": True}}}, "services.x.depends_on.x.restart"),
        ({"depends_on": {"x": {"condition": "service_ready"}}}, "services.x.depends_on.x.condition"),
        ({"healthcheck": {"test": "true", "disable": True}}, "services.x.healthcheck.disable"),
        ({"healthcheck": {"test": ["NONE"]}}, "services.x.healthcheck.test"),
        ({"deploy": {"mode": "global"}}, "services.x.deploy.mode"),
        ({"volumes": [{"type": "volume", "source": "data", "target": "/d"}]}, "services.x.volumes"),
        ({"volumes": ["elsewhere:/d"]}, "elsewhere"),
        ({"volumes": ["data:/d:z"]}, "data:/d:z"),
        ({"restart": "sometimes"}, "sometimes"),
        ({"stop_grace_period": "soon"}, "soon"),
        ({"build": None, "x-local": {"port": 1}}, "services.x.x-local.port"),
    ],
)
def test_what_is_not_understood_is_an_error_that_names_it(compose: Write, body: dict[str, Any], named: str) -> None:
    with pytest.raises(Complaint, match=re.escape(named)):
        read(compose({"x": body}), {})


def test_sections_and_volumes_that_are_not_understood_are_errors_too(compose: Write) -> None:
    for more, named in (({"configs": {}}, "configs"), ({"volumes": {"data": {"external": True}}}, "data.external")):
        with pytest.raises(Complaint, match=re.escape(named)):
            read(compose({"x": {}}, **more), {})


def test_services_that_wait_for_each_other_are_told(compose: Write) -> None:
    with pytest.raises(Complaint, match="wait for each other: x, y"):
        read(compose({"x": {"depends_on": ["y"]}, "y": {"depends_on": ["x"]}, "z": {}}), {})


def test_an_image_of_others_needs_to_say_how_it_runs_here(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text("services: {db: {image: postgres}}")
    with pytest.raises(Complaint, match=r"services\.db.*x-local"):
        read(file, {})


def test_names_of_containers_become_addresses_of_processes(compose: Write, tmp_path: Path) -> None:
    services = read(
        compose(
            {"intake": {"deploy": {"replicas": 2}}, "db": {"volumes": ["data:/var/data", "./compose.yaml:/etc/f:ro"]}}
        ),
        {},
    )
    with block_of(tmp_path) as block:
        places = Places(services, tmp_path, tmp_path, block)
    intake, db = services
    own, other, database = f"127.{block}.1.1", f"127.{block}.1.2", f"127.{block}.2.1"
    for text, expected in (
        ("intake:8000", f"{own}:8000 {other}:8000"),
        ("postgresql://intake@db:5432/intake", f"postgresql://intake@{database}:5432/intake"),
        ("http://db:1/a,db:2", f"http://{database}:1/a,{database}:2"),
        ("http://127.0.0.1:8000", f"http://{database}:8000"),
        ("0.0.0.0", database),  # noqa: S104
        ("notdb:1 db-x:1 db:x", "notdb:1 db-x:1 db:x"),
        ("/var/data/log", f"{tmp_path}/volumes/data/log"),
        ("/var/database", "/var/database"),
        ("cat /etc/f", f"cat {tmp_path}/compose.yaml"),
    ):
        assert places.local(text, db, 1) == expected
    assert places.local("0.0.0.0", intake, 2) == other  # noqa: S104
    with pytest.raises(Complaint, match="one of 2 replicas"):
        places.local("http://intake:8000", db, 1)


def test_two_clusters_at_once_have_addresses_of_their_own(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    with block_of(one) as first, block_of(two) as second:
        assert first != second
        with pytest.raises(Complaint, match="runs on"), block_of(one):
            pass
    with block_of(one) as again:
        assert again == first


def test_a_service_begins_when_what_it_needs_is_there_and_ends_before_it(compose: Write) -> None:
    says = "trap 'echo $$0 >> /data/ended; exit' TERM; touch /data/$$0; while :; do sleep 0.05; done"
    file = compose(
        {
            # Written in the order in which none of them could start.
            "last": {
                "command": ["sh", "-c", f"test -e /data/healthy && {says}", "last"],
                "depends_on": {"server": {"condition": "service_healthy"}},
                "restart": "always",
            },
            "server": {
                "command": ["sh", "-c", f"test -e /data/made && {says}", "server"],
                "depends_on": {"maker": {"condition": "service_completed_successfully"}},
                "healthcheck": {
                    "test": "test -e /data/last || touch /data/healthy",
                    "start_interval": "50ms",
                    "start_period": "9s",
                },
                "restart": "always",
            },
            "maker": {"command": "sh -c 'sleep 0.2; touch /data/made'"},
        }
    )
    with started(file) as cluster:
        cluster.wait(SECONDS)
        assert [cluster.replica(name).starts for name in ("maker", "server", "last")] == [1, 1, 1]
        data = cluster.folder / "volumes" / "data"
        until((data / "last").exists)
    assert (data / "ended").read_text().split() == ["last", "server"]


def test_a_replica_that_is_killed_comes_back_and_one_that_is_frozen_can_be_stopped(compose: Write) -> None:
    with started(
        compose({"x": {"command": "sleep 1000", "restart": "unless-stopped", "deploy": {"replicas": 2}}})
    ) as cluster:
        cluster.wait(SECONDS)
        first, second = cluster.replica("x", 1), cluster.replica("x", 2)
        before, other = first.pid, second.pid
        first.kill()
        until(lambda: first.pid not in (None, before))
        assert (first.starts, second.starts, second.pid) == (2, 1, other)
        second.freeze()
        began = time.monotonic()
    assert time.monotonic() - began < 5, "it was killed after its grace period"


def test_a_replica_can_be_kept_down(compose: Write) -> None:
    with started(compose({"x": {"command": "sleep 1000", "restart": "always"}})) as cluster:
        cluster.wait(SECONDS)
        replica = cluster.replica("x")
        replica.keep_down()
        until(lambda: replica.status is not None)
        with pytest.raises(AssertionError):
            until(lambda: replica.pid is not None, seconds=1)
        replica.let_up()
        until(lambda: replica.pid is not None)


def test_a_one_shot_is_tried_as_often_as_it_says(compose: Write) -> None:
    command = "sh -c 'echo again >> /data/tries; exit 1'"
    with started(compose({"x": {"command": command, "restart": "on-failure:2"}})) as cluster:
        with pytest.raises(Complaint, match="x-1 ended with status 1"):
            cluster.wait(SECONDS)
        assert (cluster.folder / "volumes" / "data" / "tries").read_text().split() == ["again"] * 3


def test_a_one_shot_that_fails_ends_it_with_the_reason(compose: Write) -> None:
    file = compose(
        {"bad": {"command": "sh -c 'echo no such luck; exit 3'"}, "x": {"command": "sleep 1000", "restart": "always"}}
    )
    with started(file) as cluster, pytest.raises(Complaint, match=r"bad-1 ended with status 3.*no such luck"):
        cluster.wait(SECONDS)
    assert cluster.replica("x").pid is None


def test_a_service_that_stays_unhealthy_ends_it(compose: Write) -> None:
    check = {"test": "false", "interval": "20ms", "retries": 2}
    file = compose({"x": {"command": "sleep 1000", "restart": "always", "healthcheck": check}})
    with started(file) as cluster, pytest.raises(Complaint, match="x-1 does not become healthy"):
        cluster.wait(SECONDS)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_it(compose: Write, tmp_path: Path, how: signal.Signals) -> None:
    file = compose({"x": {"command": "sh -c 'sleep 1000 & echo $$! > /data/pid; wait'"}})
    folder = tmp_path / "cluster"
    folder.mkdir()
    words = [sys.executable, "-m", "deploy.cluster", "--file", str(file), "--folder", str(folder)]
    runner = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)
    told = folder / "volumes" / "data" / "pid"
    try:
        until(lambda: told.is_file() and told.read_text().strip())
        pid = int(told.read_text())
        os.kill(pid, 0)
        runner.send_signal(how)
        assert runner.wait(SECONDS) == (0 if how != signal.SIGKILL else -signal.SIGKILL)
    finally:
        runner.kill()
        runner.wait()
    until(lambda: not Path(f"/proc/{pid}/exe").exists())


class TestOurs:
    """compose.yaml itself."""

    def test_it_is_understood_with_two_replicas_of_each_service(self) -> None:
        services = {service.name: service for service in read(COMPOSE, {})}
        assert {name: services[name].replicas for name in SERVICES} == dict.fromkeys(SERVICES, 2)
        assert {service.replicas for service in services.values() if service.name not in SERVICES} == {1}
        assert {one.replicas for one in read(COMPOSE, {"REPLICAS": "3"}) if one.name in SERVICES} == {3}

    def test_services_are_told_how_long_a_request_may_take_to_come(self) -> None:
        said = {"PULANG_HEAD_SECONDS": "7", "PULANG_BODY_SECONDS": "21"}
        serving = [one.environment for one in read(COMPOSE, said) if one.name in SERVICES]
        assert [{name: one[name] for name in said} for one in serving] == [said] * len(SERVICES)

    def test_every_container_is_confined_and_every_image_pinned(self) -> None:
        for name, body in yaml.safe_load(COMPOSE.read_text())["services"].items():
            assert body["user"] == "1000:1000", name
            assert body["cap_drop"] == ["ALL"], name
            assert body["security_opt"] == ["no-new-privileges:true"], name
            assert body["read_only"] or name == "keycloak"
            assert body["image"] == "pulang" or re.search(r":\d+\.\d+(\.\d+)?(-\w+)?$", body["image"]), name
            for port in body.get("ports", ()):
                assert port.startswith("127.0.0.1:")

    def test_it_holds_no_secret_and_gives_each_service_its_own_alone(self) -> None:
        for service in read(COMPOSE, {}):
            for name, value in service.environment.items():
                if re.search("PASSWORD|SECRET|KEK", name) and name != "POSTGRES_SECRETS":
                    assert name.endswith("_FILE"), name
                    assert value.startswith("/run/pulang/secrets/"), name
            mounted = {
                mount.target.rpartition("/")[2] for mount in service.mounts if mount.source.startswith("secrets-")
            }
            owner = service.name.removeprefix("migrate-")
            if owner in (*SERVICES, "postgres", "kafka"):
                assert mounted == {owner}
            elif owner not in ("secrets", "provision"):
                assert mounted <= {"oidc"}, owner
