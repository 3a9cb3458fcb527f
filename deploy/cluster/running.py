"""All of compose.yaml as local processes, from the first dependency to the last stop."""

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from deploy.cluster.compose import Service, read
from deploy.cluster.guard import Guard
from deploy.cluster.places import Places, block_of, clean_environment, record_places
from deploy.cluster.processes import Launch, Replica
from deploy.cluster.programs import ROOT, Program, program
from deploy.cluster.ready import write_files
from deploy.cluster.receiver import Receiver
from pulang.complaint import Complaint

READY_SECONDS = 420.0
_TICK_SECONDS = 0.05


class Cluster:
    """Everything of one compose.yaml, looked after by a thread of its own."""

    def __init__(
        self, services: Sequence[Service], places: Places, folder: Path, guard: Guard, receiver: Receiver
    ) -> None:
        """Raises Complaint where compose.yaml asks for what is not here."""
        self.services = services
        self.places = places
        self.folder = folder
        self._receiver = receiver
        programs = {one.local.program: program(one.local.program, folder) for one in services if one.local is not None}
        self.replicas: dict[str, list[Replica]] = {
            service.name: [
                Replica(_launch(service, number, places, folder, programs), guard)
                for number in range(1, service.replicas + 1)
            ]
            for service in services
        }
        self.environment: Mapping[str, str] = {}
        """PULANG_URL and what else stands in the file `env`."""
        self._begun: list[Service] = []
        self._ending = threading.Event()
        self._settled = threading.Event()
        self._wrong: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="cluster", daemon=True)

    @property
    def url(self) -> str:
        """Of the gateway."""
        return self.environment["PULANG_URL"]

    def replica(self, service: str, number: int = 1) -> Replica:
        """To look at, to kill, to freeze. Counted from 1."""
        return self.replicas[service][number - 1]

    def start(self) -> None:
        self._thread.start()

    def wait(self, seconds: float = READY_SECONDS, unless: threading.Event | None = None) -> bool:
        """Until every service is ready; False where `unless` came first.

        Raises Complaint.
        """
        deadline = time.monotonic() + seconds
        while not self._settled.wait(0.1):
            if unless is not None and unless.is_set():
                return False
            if time.monotonic() > deadline:
                raise Complaint(f"not ready after {seconds:.0f} s: {self.missing()}; see {self.folder / 'logs'}")
        self.check()
        return True

    def hand_over(self) -> None:
        """Write the files for its users: see `environment`. Raises Complaint."""
        self.environment = write_files(self.folder, self.places, self._receiver)

    def check(self) -> None:
        """Raises what ended it."""
        if self._wrong is not None:
            raise self._wrong

    def stop(self) -> None:
        """In reverse order, each with its grace period. May be called twice."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def missing(self) -> str:
        """Who is not ready."""
        late = [service for service in self.services if not self._ready(service)]
        return ", ".join(f"{one.name} ({'waits' if one not in self._begun else 'starts'})" for one in late)

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                self._begin()
                for each in self._all():
                    each.tick()
                if not self._settled.is_set():
                    self._judge()
                self._ending.wait(_TICK_SECONDS)
        except BaseException as error:
            self._wrong = error
        finally:
            self._settled.set()
            self._end()

    def _begin(self) -> None:
        for service in self.services:
            if service not in self._begun and all(self._met(*each) for each in service.depends_on.items()):
                self._begun.append(service)
                self.places.prepare(service)
                for replica in self.replicas[service.name]:
                    replica.start()

    def _judge(self) -> None:
        for service in self._begun:
            for replica in self.replicas[service.name]:
                if service.one_shot and replica.status not in (None, 0) and not replica.comes_back:
                    raise Complaint(self._told(replica, f"ended with status {replica.status}"))
                if replica.healthy is False:
                    raise Complaint(self._told(replica, "does not become healthy"))
        if all(map(self._ready, self.services)):
            self._settled.set()

    def _met(self, name: str, condition: str) -> bool:
        replicas = self.replicas[name]
        if condition == "service_completed_successfully":
            return all(each.status == 0 for each in replicas)
        if condition == "service_healthy":
            return all(each.healthy for each in replicas)
        return all(each.starts for each in replicas)

    def _ready(self, service: Service) -> bool:
        if service.one_shot:
            return self._met(service.name, "service_completed_successfully")
        if service.check is not None:
            return self._met(service.name, "service_healthy")
        return all(each.pid is not None for each in self.replicas[service.name])

    def _end(self) -> None:
        left = list(self._begun)
        while left:
            wanted = {name for service in left for name in service.depends_on}
            last = [service for service in left if service.name not in wanted]
            for each in (replica for service in last for replica in self.replicas[service.name]):
                each.ask_to_stop()
            asked = time.monotonic()
            for service in last:
                for each in self.replicas[service.name]:
                    if not each.end(asked + service.grace):
                        print(f"{each.launch.name} did not end within {service.grace:.0f} s: killed", file=sys.stderr)
            left = [service for service in left if service not in last]

    def _all(self) -> Iterator[Replica]:
        for service in self._begun:
            yield from self.replicas[service.name]

    def _told(self, replica: Replica, what: str) -> str:
        return f"{replica.launch.name} {what}; {replica.launch.log} ends with: {replica.last_words()}"


@contextmanager
def cluster_of(replicas: int, folder: Path, compose: Path = ROOT / "compose.yaml") -> Iterator[Cluster]:
    """The cluster of a compose.yaml, not started yet, and stopped at the end. `folder` keeps all that it leaves.

    Raises Complaint.
    """
    folder = folder.resolve()
    with ExitStack() as stack:
        _make(folder)
        block = stack.enter_context(block_of(folder))
        receiver = Receiver.at(block, folder)
        said = {name: value for name, value in os.environ.items() if value or name not in receiver.allowed}
        services = read(compose, {**receiver.allowed, **said, "REPLICAS": str(replicas)})
        places = Places(services, folder, compose.parent.resolve(), block)
        record_places(folder, services, places)
        guard = Guard()
        stack.callback(guard.dismiss)
        cluster = Cluster(services, places, folder, guard, receiver)
        stack.callback(cluster.stop)
        yield cluster


@contextmanager
def running_cluster(replicas: int, folder: Path) -> Iterator[Cluster]:
    """A cluster that is ready: `url`, `environment` and `replica` of it tell the rest.

    `folder` keeps its data from run to run; everyone must be able to pass through the folders above it, since
    PostgreSQL is not run by root. Raises Complaint.
    """
    with cluster_of(replicas, folder) as cluster:
        cluster.start()
        cluster.wait()
        cluster.hand_over()
        yield cluster


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # Others may pass through: PostgreSQL, where root runs the rest. What is in it is for its owner.
    for each in (folder, folder / "volumes"):
        each.mkdir(exist_ok=True)
        each.chmod(0o711)
    for name in ("logs", "home"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)


def _launch(service: Service, replica: int, places: Places, folder: Path, programs: Mapping[str, Program]) -> Launch:
    def local(text: str) -> str:
        return places.local(text, service, replica)

    found = programs[service.local.program] if service.local is not None else Program((Path(sys.executable).parent,))
    entrypoint, own = service.entrypoint, service.environment
    if service.local is not None:
        entrypoint = service.local.entrypoint or entrypoint
        own = {**own, **(service.local.environment or {})}
    variables = {name: local(value) for name, value in own.items()}
    check = service.check
    return Launch(
        service=service.name,
        replica=replica,
        words=[local(word) for word in (*entrypoint, *service.command)],
        environment=clean_environment({**variables, **found.environment}, found.path, folder / "home"),
        folder=places.root,
        log=folder / "logs" / f"{service.name}-{replica}.log",
        check=None if check is None else replace(check, words=[local(word) for word in check.words]),
        restart=service.restart,
        stop_signal=service.stop_signal,
        grace=service.grace,
    )
