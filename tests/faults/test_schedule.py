"""A schedule replays, leaves no kind out, and heals what it breaks."""

import itertools

import pytest

from tests.faults.schedule import Fault, Kind, plan, play

KINDS = (
    Kind("kill", ("a", "b"), 0.5, 2.0, weight=3),
    Kind("freeze", ("a", "b"), 1.0, 4.0),
    Kind("cut", ("wire",), 0.1, 1.0),
)


def test_a_seed_gives_the_same_schedule_again() -> None:
    assert plan(7, KINDS, 40, 100) == plan(7, KINDS, 40, 100)
    assert plan(7, KINDS, 40, 100) != plan(8, KINDS, 40, 100)


@pytest.mark.parametrize("seed", range(20))
def test_every_fault_is_healed_in_time_and_hits_what_is_whole(seed: int) -> None:
    faults = plan(seed, KINDS, 30, 60)
    assert {fault.kind for fault in faults} == {"kill", "freeze", "cut"}
    assert all(fault.at_seconds + fault.lasts_seconds <= 60 + 0.2 for fault in faults)
    for target in ("a", "b", "wire"):
        hits = [fault for fault in faults if fault.target == target]
        for earlier, later in itertools.pairwise(hits):
            assert later.at_seconds >= earlier.at_seconds + earlier.lasts_seconds - 1e-9


async def test_what_breaks_is_healed_also_where_another_fault_fails() -> None:
    done: list[str] = []

    async def break_it(fault: Fault):  # type: ignore[no-untyped-def]
        if fault.target == "b":
            raise OSError("no such process")
        done.append(f"{fault.target} broken")

        async def heal() -> None:
            done.append(f"{fault.target} healed")

        return heal

    faults = [Fault(1, "kill", "a", 0.0, 0.05), Fault(2, "kill", "b", 0.01, 0.01), Fault(3, "kill", "c", 0.1, 0.01)]
    with pytest.raises(BaseExceptionGroup, match="could not be made"):
        await play(faults, break_it, told=lambda _: None)
    assert done == ["a broken", "a healed", "c broken", "c healed"]
