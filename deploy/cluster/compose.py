"""compose.yaml as `make cluster` understands it: all of it or nothing, what it does not know is an error."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from deploy.cluster.interpolation import interpolate
from pulang.complaint import Complaint

CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")
_CONTAINERS_ALONE = {
    "image", "build", "init", "user", "read_only", "tmpfs", "cap_drop", "cap_add", "security_opt", "networks",
}  # fmt: skip
"""What says how a container is shut in: a local process has the rights of whoever started it, and its network."""
_KNOWN = {
    "command", "depends_on", "deploy", "entrypoint", "environment", "healthcheck", "ports", "restart",
    "stop_grace_period", "stop_signal", "volumes", "x-local",
}  # fmt: skip
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")


@dataclass(frozen=True, slots=True)
class Check:
    """A health check; times in seconds."""

    words: Sequence[str]
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0
    start_interval: float = 5.0


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or a file inside a container: a named volume, or one of this checkout (`bind`)."""

    source: str
    target: str
    bind: bool


@dataclass(frozen=True, slots=True)
class Local:
    """How an image that is not ours runs as a local process: what the machine must have, and what differs."""

    program: str
    entrypoint: Sequence[str] = ()
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One service; every string is as it stands in the file, with the variables filled in."""

    name: str
    entrypoint: Sequence[str]
    command: Sequence[str]
    environment: Mapping[str, str]
    depends_on: Mapping[str, str]
    check: Check | None
    replicas: int
    restart: str
    stop_signal: str
    grace: float
    mounts: Sequence[Mount]
    local: Local | None

    @property
    def one_shot(self) -> bool:
        """It does its work and ends."""
        return self.restart == "no" or self.restart.startswith("on-failure")


def read(path: Path, variables: Mapping[str, str]) -> list[Service]:
    """The services of the file in the order in which they can start. Raises Complaint.

    `x-local.variables` of the file go before `variables`, which are the environment's.
    """
    if path.with_name(".env").exists():
        raise Complaint("Compose would read the file .env here, make cluster does not: put it into the environment")
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as broken:
        raise Complaint(f"{path.name} cannot be read: {broken}") from None
    local = document.get("x-local") or {}
    _only(local, {"variables"}, "x-local")
    document = interpolate(document, {**variables, **local.get("variables", {})})
    _only(document, {"name", "networks", "services", "volumes", "x-local"}, path.name)
    volumes = document.get("volumes") or {}
    for name, options in volumes.items():
        _only(options or {}, set(), f"volumes.{name}")
    services = {name: _service(name, body, set(volumes)) for name, body in document["services"].items()}
    return _in_order(services)


def _service(name: str, body: Mapping[str, Any], volumes: set[str]) -> Service:
    where = f"services.{name}"
    _only(body, _KNOWN | _CONTAINERS_ALONE, where)
    local = body.get("x-local")
    if local is not None:
        _only(local, {"program", "entrypoint", "environment"}, f"{where}.x-local")
        local = Local(local["program"], _words(local.get("entrypoint")), _environment(local.get("environment")))
    elif "build" not in body:
        raise Complaint(f"{where}: an image that is not built here needs an x-local key that says how it runs locally")
    return Service(
        name=name,
        entrypoint=_words(body.get("entrypoint")),
        command=_words(body.get("command")),
        environment=_environment(body.get("environment")),
        depends_on=_depends_on(body.get("depends_on") or {}, where),
        check=_check(body["healthcheck"], where) if "healthcheck" in body else None,
        replicas=_replicas(body.get("deploy") or {}, where),
        restart=_restart(body.get("restart", "no"), where),
        stop_signal=body.get("stop_signal", "SIGTERM"),
        grace=_seconds(body.get("stop_grace_period", "10s"), f"{where}.stop_grace_period"),
        mounts=[_mount(each, volumes, where) for each in body.get("volumes") or ()],
        local=local,
    )


def _depends_on(body: Mapping[str, Any] | Sequence[str], where: str) -> dict[str, str]:
    if not isinstance(body, Mapping):
        return dict.fromkeys(body, "service_started")
    for name, options in body.items():
        _only(options, {"condition"}, f"{where}.depends_on.{name}")
        if options.get("condition") not in CONDITIONS:
            _unknown(f"{where}.depends_on.{name}.condition")
    return {name: options["condition"] for name, options in body.items()}


def _check(body: Mapping[str, Any], where: str) -> Check:
    where += ".healthcheck"
    times = {"interval", "timeout", "start_period", "start_interval"}
    _only(body, {"test", "retries", *times}, where)
    test = body["test"]
    if isinstance(test, str):
        test = ["CMD-SHELL", test]
    if test[0] not in ("CMD", "CMD-SHELL"):
        _unknown(f"{where}.test: {test[0]}")
    words = ["sh", "-c", test[1]] if test[0] == "CMD-SHELL" else [str(word) for word in test[1:]]
    given = {name: _seconds(body[name], f"{where}.{name}") for name in times & body.keys()}
    return Check(words, retries=int(body.get("retries", 3)), **given)


def _mount(body: Any, volumes: set[str], where: str) -> Mount:
    if not isinstance(body, str):
        raise Complaint(f"{where}.volumes: only the short form `source:target[:ro]` is understood")
    source, target, *mode = body.split(":")
    if mode not in ([], ["ro"]):
        _unknown(f"{where}.volumes: {body}")
    bind = source.startswith(".")
    if not bind and source not in volumes:
        _unknown(f"{where}.volumes: {source}")
    return Mount(source, target, bind)


def _replicas(body: Mapping[str, Any], where: str) -> int:
    _only(body, {"replicas"}, f"{where}.deploy")
    text = str(body.get("replicas", 1))
    if not text.isdecimal() or not 1 <= int(text) <= 50:
        raise Complaint(f"{where}.deploy.replicas must be from 1 to 50, not {text!r}")
    return int(text)


def _restart(text: str, where: str) -> str:
    if not re.fullmatch(r"no|always|unless-stopped|on-failure(:\d+)?", str(text)):
        _unknown(f"{where}.restart: {text}")
    return text


def _environment(body: Any) -> dict[str, str]:
    if isinstance(body, list):
        return dict(line.split("=", 1) for line in body)
    return {name: "" if value is None else str(value) for name, value in (body or {}).items()}


def _words(body: Any) -> list[str]:
    if isinstance(body, str):
        return shlex.split(body)
    return [str(word) for word in body or ()]


def _seconds(text: Any, where: str) -> float:
    found = _DURATION.fullmatch(str(text))
    if not found or not any(found.groups()):
        _unknown(f"{where}: {text}")
    hours, minutes, seconds, thousandths = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def _only(body: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in body:
        if key not in known and not (key.startswith("x-") and key != "x-local"):
            _unknown(f"{where}.{key}")


def _unknown(what: str) -> NoReturn:
    raise Complaint(f"make cluster does not understand {what}: teach deploy/cluster, or say it another way")


def _in_order(services: Mapping[str, Service]) -> list[Service]:
    ordered: dict[str, Service] = {}
    left = dict(services)
    for service in services.values():
        for name in service.depends_on.keys() - services.keys():
            raise Complaint(f"services.{service.name} depends on {name}, which is no service")
    while left:
        free = [name for name, service in left.items() if service.depends_on.keys() <= ordered.keys()]
        if not free:
            raise Complaint(f"these services wait for each other: {', '.join(left)}")
        ordered |= {name: left.pop(name) for name in free}
    return list(ordered.values())
