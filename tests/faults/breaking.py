"""What a schedule can break in a cluster, and how it is healed."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from tests.faults.books import SERVICES
from tests.faults.proxy import Proxy
from tests.faults.schedule import Fault, Heal, Kind
from tests.faults.site import KAFKA_PORT, POSTGRES_PORT, Site

BACK_WITHIN_SECONDS = 90.0
WIRES = {"drop": 2, "silence": 1, "delay": 1, "half-close": 1, "refuse": 1, "forget": 1}
"""What can be done to a wire, and how often."""
CLOCK_STEPS_SECONDS = (-200, -20, 20, 200)


class Breaker:
    """Does faults on one cluster."""

    def __init__(self, site: Site, seed: int) -> None:
        self._site = site
        self._dice = random.Random(seed)  # noqa: S311
        self.skipped: dict[str, str] = {}

    def kinds(self) -> list[Kind]:
        """All that can be had here."""
        every = self._site.names(*SERVICES)
        wires = tuple(f"{service}'s wire" for service in SERVICES)
        kinds = [
            Kind("kill", every, 0.0, 0.5, weight=4),
            Kind("freeze", every, 0.5, 8.0, weight=3),
            Kind("kill the leader", SERVICES, 0.0, 0.5, weight=2),
            Kind("freeze the leader", SERVICES, 7.0, 10.0, weight=2),
            Kind("kill kafka", ("kafka-1",), 0.0, 0.5),
            Kind("restart kafka", ("kafka-1",), 0.0, 0.5),
            Kind("freeze kafka", ("kafka-1",), 0.5, 6.0),
            Kind("kill postgres", ("postgres-1",), 0.0, 0.5),
            Kind("freeze postgres", ("postgres-1",), 0.5, 6.0),
            *(
                Kind(f"{what} a wire", ("kafka's wire", *wires), 0.2, 5.0, weight=weight)
                for what, weight in WIRES.items()
            ),
        ]
        if self._site.clock.file is None:
            self.skipped["step a clock"] = self._site.clock.lacks
        else:
            kinds.append(Kind("step a clock", ("intake's clock",), 2.0, 8.0))
        return kinds

    async def break_it(self, fault: Fault) -> Heal:
        """Do what a schedule says."""
        what = fault.kind.removesuffix(" a wire")
        if what != fault.kind:
            return self._spoil(what, self._wire(fault.target))
        if fault.kind == "step a clock":
            self._site.clock.step(self._dice.choice(CLOCK_STEPS_SECONDS))
            return _at_once(lambda: self._site.clock.step(0))
        name = fault.target
        if fault.kind.endswith("the leader"):
            name = await self._site.leader(fault.target) or f"{fault.target}-1"
        if fault.kind.startswith("freeze"):
            return self._freeze(name)
        pid = self._site.replica(name).pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                if fault.kind == "restart kafka":
                    os.kill(pid, signal.SIGTERM)
                else:
                    self._site.replica(name).kill()
        return lambda: self._is_back(name, pid)

    def _wire(self, target: str) -> Proxy:
        service = target.removesuffix("'s wire")
        return self._site.kafka_wire if service == "kafka" else self._site.wires[service]

    def _spoil(self, what: str, wire: Proxy) -> Heal:
        match what:
            case "drop":
                wire.drop()
            case "silence":
                wire.silence()
            case "delay":
                wire.delay(self._dice.uniform(0.05, 1.0))
            case "half-close":
                wire.half_close()
            case "forget":
                wire.forget()
            case "refuse":
                wire.refuse()
                wire.drop()
        return _at_once(wire.heal)

    def _freeze(self, name: str) -> Heal:
        """The process and all that it started: of PostgreSQL every session, too."""
        pid = self._site.replica(name).pid
        frozen = [] if pid is None else _family(pid)
        _signal(frozen, signal.SIGSTOP)
        return _at_once(lambda: _signal(frozen, signal.SIGCONT))

    async def _is_back(self, name: str, before: int | None) -> None:
        """Started again by the cluster, and it answers. Raises TimeoutError."""
        async with asyncio.timeout(BACK_WITHIN_SECONDS):
            while self._site.replica(name).pid in (None, before) or not await self._answers(name):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def _answers(self, name: str) -> bool:
        port = {"kafka-1": KAFKA_PORT, "postgres-1": POSTGRES_PORT}.get(name)
        if port is None:
            async with httpx.AsyncClient(timeout=2, trust_env=False) as http:
                with contextlib.suppress(httpx.HTTPError):
                    return (await http.get(f"{self._site.address(name)}/livez")).status_code == 200
            return False
        service = name.removesuffix("-1")
        try:
            _, writer = await asyncio.open_connection(self._site.cluster.places.address(service), port)
        except OSError:
            return False
        writer.close()
        return True

    async def all_ready(self) -> float:
        """Seconds until every replica is ready. Raises TimeoutError."""
        began = time.monotonic()
        async with asyncio.timeout(BACK_WITHIN_SECONDS), httpx.AsyncClient(timeout=5, trust_env=False) as http:
            for name in self._site.names(*SERVICES):
                while True:
                    with contextlib.suppress(httpx.HTTPError):
                        if (await http.get(f"{self._site.address(name)}/readyz")).status_code == 200:
                            break
                    await asyncio.sleep(0.1)
        return time.monotonic() - began


def _at_once(heal: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def healing() -> None:
        heal()

    return healing


def _family(pid: int) -> list[int]:
    """A process and its descendants, as they are now."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in task.read_text().split()]
    return found


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
