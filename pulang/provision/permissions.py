"""Who may do what, as it is declared: no less, and no more."""

import time
from collections.abc import Collection, Iterator
from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from pulang.complaint import Complaint
from pulang.provision.declared import ALL_BELOW, User
from pulang.provision.topics import ANSWER_SECONDS

_EVERYONE = "User:*"
_ANY = AclBindingFilter(
    ResourceType.ANY,
    None,  # type: ignore[arg-type]
    ResourcePatternType.ANY,
    None,  # type: ignore[arg-type]
    None,  # type: ignore[arg-type]
    AclOperation.ANY,
    AclPermissionType.ANY,
)
_TICK_SECONDS = 0.05


def apply_permissions(admin: AdminClient, users: Collection[User]) -> Iterator[str]:
    """Grants what is declared and takes away what else those users have, also by way of everyone; a line for each."""
    declared = {binding for user in users for binding in permissions_of(user)}
    ours = {f"User:{user.name}" for user in users}
    found = _found(admin)
    lacking = sorted(declared - found, key=_told)
    for binding, granted in (admin.create_acls(lacking) if lacking else {}).items():
        granted.result(ANSWER_SECONDS)
        yield f"{_told(binding)}: granted"
    beyond = sorted((one for one in found - declared if one.principal in ours or _opens_to_all(one)), key=_told)
    for binding in beyond:
        exactly = AclBindingFilter(
            binding.restype,
            binding.name,
            binding.resource_pattern_type,
            binding.principal,
            binding.host,
            binding.operation,
            binding.permission_type,
        )
        admin.delete_acls([exactly])[exactly].result(ANSWER_SECONDS)
        yield f"{_told(binding)}: taken away, it is not in the file"
    _await_all(admin, declared, set(beyond))


def permitted(admin: AdminClient) -> set[str]:
    """The users to whom anything is granted, in the file or not."""
    return {one.principal.removeprefix("User:") for one in _found(admin)}


def permissions_of(user: User) -> Iterator[AclBinding]:
    """What Kafka calls ACLs. Who may read or write a topic may also see that it is there."""
    for topics, operation in ((user.writes, AclOperation.WRITE), (user.reads, AclOperation.READ)):
        for topic in sorted(topics):
            if topic.endswith(ALL_BELOW):
                begins = topic.removesuffix("*")
                yield _allow(user, ResourceType.TOPIC, begins, ResourcePatternType.PREFIXED, operation)
            else:
                yield _allow(user, ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, operation)
    if user.reads:
        yield _allow(user, ResourceType.GROUP, user.groups, ResourcePatternType.PREFIXED, AclOperation.READ)


def _opens_to_all(binding: AclBinding) -> bool:
    return binding.principal == _EVERYONE and binding.permission_type == AclPermissionType.ALLOW


def _allow(
    user: User, kind: ResourceType, name: str, pattern: ResourcePatternType, operation: AclOperation
) -> AclBinding:
    return AclBinding(kind, name, pattern, f"User:{user.name}", "*", operation, AclPermissionType.ALLOW)


def _found(admin: AdminClient) -> set[AclBinding]:
    return set(admin.describe_acls(_ANY).result(ANSWER_SECONDS))


def _await_all(admin: AdminClient, wanted: set[AclBinding], gone: set[AclBinding]) -> None:
    """The controller answers before the brokers know; who reads "granted" may rely on it."""
    until = time.monotonic() + ANSWER_SECONDS
    while not (wanted <= (found := _found(admin)) and gone.isdisjoint(found)):
        if time.monotonic() > until:
            raise Complaint("Kafka took the permissions and does not keep to them yet: run `pulang provision` again")
        time.sleep(_TICK_SECONDS)


def _told(binding: Any) -> str:
    verb = "" if binding.permission_type == AclPermissionType.ALLOW else "not "
    more = "*" if binding.resource_pattern_type == ResourcePatternType.PREFIXED else ""
    host = "" if binding.host == "*" else f" from {binding.host}"
    who = binding.principal.removeprefix("User:")
    what = f"{binding.operation.name.lower()} {binding.restype.name.lower()} {binding.name}{more}"
    return f"user {who}: {verb}{what}{host}"
