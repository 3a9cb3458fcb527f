"""Who of a group reads which partitions: even within each topic, and as few moves as that allows."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

from shared.bus.protocol import TopicPartition

M = TypeVar("M", bound=Hashable)


def assign(
    topics: Mapping[str, int], wants: Mapping[M, frozenset[str]], held: Mapping[TopicPartition, M]
) -> dict[TopicPartition, M]:
    """The holder of each partition that somebody wants.

    `topics`: the number of partitions by topic. `wants`: the topics by member, in the order in which they joined.
    `held`: who holds what now. Members that want a topic hold the same number of its partitions, give or take one.
    """
    target: dict[TopicPartition, M] = {}
    loads = dict.fromkeys(wants, 0)
    for topic in sorted(topics):
        shares: dict[M, list[TopicPartition]] = {member: [] for member in wants if topic in wants[member]}
        if not shares:
            continue

        def load(member: M, shares: dict[M, list[TopicPartition]] = shares) -> tuple[int, int]:
            return len(shares[member]), loads[member]

        free = []
        for place in (TopicPartition(topic, number) for number in range(topics[topic])):
            holder = held.get(place)
            if holder in shares:
                shares[holder].append(place)
            else:
                free.append(place)
        for place in free:
            shares[min(shares, key=load)].append(place)
        while True:
            richest, poorest = max(shares, key=load), min(shares, key=load)
            if len(shares[richest]) - len(shares[poorest]) <= 1:
                break
            shares[poorest].append(shares[richest].pop())
        for member, places in shares.items():
            loads[member] += len(places)
            target.update(dict.fromkeys(places, member))
    return target
