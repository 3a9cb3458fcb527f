"""A random schedule of faults: the same seed gives the same one."""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

SEED = "FAULTS_SEED"
"""Environment variable that replays a schedule."""

Heal = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which things break, and what it may hit. Seconds: how long until it is healed."""

    name: str
    targets: tuple[str, ...]
    shortest_seconds: float
    longest_seconds: float
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of a schedule; seconds from its begin."""

    number: int
    kind: str
    target: str
    at_seconds: float
    lasts_seconds: float

    def __str__(self) -> str:
        return f"#{self.number} {self.kind} {self.target} at {self.at_seconds:.1f} s for {self.lasts_seconds:.1f} s"


def seed_of_run() -> int:
    """FAULTS_SEED, else a new one."""
    return int(os.environ.get(SEED) or random.SystemRandom().randrange(1_000_000))


def plan(seed: int, kinds: Sequence[Kind], count: int, seconds: float) -> list[Fault]:
    """`count` faults spread over `seconds`; those that overlap hit different targets, and all end in time.

    Every kind comes before any comes again.
    """
    dice = random.Random(seed)  # noqa: S311
    step = seconds / count
    free_at: dict[str, float] = {}
    faults: list[Fault] = []
    waiting: list[Kind] = []
    for number in range(count):
        at = number * step + dice.uniform(0.0, 0.5) * step
        if not waiting:
            waiting = dice.sample(list(kinds), len(kinds), counts=[kind.weight for kind in kinds])
        kind = waiting.pop()
        idle = [target for target in kind.targets if free_at.get(target, 0.0) <= at]
        target = dice.choice(idle or list(kind.targets))
        at = max(at, free_at.get(target, 0.0))
        lasts = min(dice.uniform(kind.shortest_seconds, kind.longest_seconds), max(0.1, seconds - at))
        free_at[target] = at + lasts
        faults.append(Fault(number + 1, kind.name, target, at, lasts))
    return sorted(faults, key=lambda fault: fault.at_seconds)


@dataclass(slots=True)
class Played:
    """What became of a schedule."""

    faults: list[Fault] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    """Kinds that could not be had here, with the reason."""

    def by_kind(self) -> Mapping[str, int]:
        return {kind: sum(1 for one in self.faults if one.kind == kind) for kind in {one.kind for one in self.faults}}


async def play(
    faults: Sequence[Fault],
    break_it: Callable[[Fault], Awaitable[Heal]],
    breath_seconds: float = 0.0,
    told: Callable[[str], None] = print,
) -> Played:
    """Each fault at its time, healed at its end; when this returns, all are healed.

    `break_it` does one and gives what heals it. An error of either ends the run, when all else is healed.
    `breath_seconds`: for how long what was healed is left in peace, so that it gets something done.
    """
    began, played = time.monotonic(), Played()
    healed = {fault.target: asyncio.Lock() for fault in faults}

    async def one(fault: Fault) -> None:
        await asyncio.sleep(max(0.0, began + fault.at_seconds - time.monotonic()))
        async with healed[fault.target]:  # where healing the one before takes longer than planned
            told(str(fault))
            heal = await break_it(fault)
            played.faults.append(fault)
            try:
                await asyncio.sleep(fault.lasts_seconds)
            finally:
                await heal()
            await asyncio.sleep(breath_seconds)

    results = await asyncio.gather(*(one(fault) for fault in faults), return_exceptions=True)
    broken = [result for result in results if isinstance(result, BaseException)]
    if broken:
        raise BaseExceptionGroup("faults that could not be made or healed", broken)
    return played
