"""Topics as they are declared."""

from collections.abc import Iterator, Mapping

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from pulang.complaint import Complaint
from pulang.provision.declared import DeclaredTopic

ANSWER_SECONDS = 30.0
_BROKERS_OWN = -1


def partitions_there(admin: AdminClient, declared: Mapping[str, DeclaredTopic]) -> dict[str, int]:
    """How many each declared topic has that is there. Raises Complaint where one would have to shrink."""
    there = {
        name: len(found.partitions)
        for name, found in admin.list_topics(timeout=ANSWER_SECONDS).topics.items()
        if name in declared
    }
    for name, has in there.items():
        if has > (wanted := declared[name].topic.partitions):
            raise Complaint(
                f"topic {name} has {has} partitions and cannot shrink to {wanted}: nothing was changed; "
                f"say {has} in the file, or move its records to another topic"
            )
    return there


def apply_topics(admin: AdminClient, declared: Mapping[str, DeclaredTopic], there: Mapping[str, int]) -> Iterator[str]:
    """Creates, grows and configures; a line for each change. Deletes nothing."""
    missing = [one for name, one in declared.items() if name not in there]
    if missing:
        new = [
            NewTopic(one.topic.name, one.topic.partitions, replication_factor=_BROKERS_OWN, config=one.configs)
            for one in missing
        ]
        created = admin.create_topics(new, operation_timeout=ANSWER_SECONDS)
        for one in missing:
            created[one.topic.name].result(ANSWER_SECONDS)
            yield f"topic {one.topic.name}: created, partitions {one.topic.partitions}"
    for name, has in there.items():
        if has < (wanted := declared[name].topic.partitions):
            grown = admin.create_partitions([NewPartitions(name, wanted)], operation_timeout=ANSWER_SECONDS)
            grown[name].result(ANSWER_SECONDS)
            yield f"topic {name}: partitions {has} -> {wanted}, its keys have moved"
    if there:
        yield from _configure(admin, [declared[name] for name in there])


def _configure(admin: AdminClient, declared: list[DeclaredTopic]) -> Iterator[str]:
    places = {one.topic.name: ConfigResource(ResourceType.TOPIC, one.topic.name) for one in declared}
    described = admin.describe_configs(list(places.values()))
    for one in declared:
        name = one.topic.name
        found = described[places[name]].result(ANSWER_SECONDS)
        other = {key: value for key, value in one.configs.items() if key not in found or found[key].value != value}
        if not other:
            continue
        changes = [ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in other.items()]
        place = ConfigResource(ResourceType.TOPIC, name, incremental_configs=changes)
        admin.incremental_alter_configs([place])[place].result(ANSWER_SECONDS)
        for key, value in other.items():
            before = found[key].value if key in found else "unset"
            yield f"topic {name}: {key} {before} -> {value}"
