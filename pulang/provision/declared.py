"""The file that says what there is on Kafka and who may do what."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shared.bus.kafka.topics import configs_of
from shared.bus.protocol import Topic

ALL_BELOW = ".*"
"""How a right ends that is for every topic whose name begins so."""
_TOPIC_KEYS = {"partitions", "retention", "compacted", "timestamps"}
_USER_KEYS = {"password", "writes", "reads", "groups"}
_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_USER = re.compile(r"[a-z0-9]{1,32}")
_DAYS = re.compile(r"([1-9][0-9]{0,4}) days?")


class DeclarationInvalid(ValueError):
    """The file cannot be meant as it is; the message says where."""


@dataclass(frozen=True, slots=True)
class DeclaredTopic:
    """A topic, and whether only the last record of each key is kept."""

    topic: Topic
    compacted: bool

    @property
    def configs(self) -> dict[str, str]:
        """By Kafka's names of them."""
        return configs_of(self.topic) | ({"cleanup.policy": "compact"} if self.compacted else {})


@dataclass(frozen=True, slots=True)
class User:
    """A login and all that it may do. `password`: its file, from the secrets folder. `groups`: how the names of its
    consumer groups begin."""

    name: str
    password: Path
    writes: frozenset[str]
    reads: frozenset[str]
    groups: str


@dataclass(frozen=True, slots=True)
class Declared:
    """By name, in the order of the file."""

    topics: Mapping[str, DeclaredTopic]
    users: Mapping[str, User]


def read_declared(path: Path) -> Declared:
    """Raises DeclarationInvalid."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as broken:
        raise DeclarationInvalid(f"cannot be read ({type(broken).__name__})") from None
    except yaml.YAMLError as broken:
        mark = getattr(broken, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise DeclarationInvalid(f"is no YAML{line}") from None
    parts = _entries("the file", content, {"topics", "users"})
    topics = {name: _topic(name, entry) for name, entry in _named("topics", parts["topics"], _TOPIC)}
    users = {name: _user(name, entry, topics) for name, entry in _named("users", parts["users"], _USER)}
    return Declared(topics, users)


def _topic(name: str, entry: object) -> DeclaredTopic:
    about = _entries(f"topic {name}", entry, _TOPIC_KEYS)
    partitions, compacted, timestamps = about["partitions"], about["compacted"], about["timestamps"]
    if type(partitions) is not int or partitions < 1:
        raise DeclarationInvalid(f"topic {name}: partitions must be a number from 1")
    if type(compacted) is not bool:
        raise DeclarationInvalid(f"topic {name}: compacted must be true or false")
    if timestamps not in ("recorded", "arrival"):
        raise DeclarationInvalid(f"topic {name}: timestamps must be recorded or arrival")
    days = _DAYS.fullmatch(str(about["retention"]))
    if days is None and about["retention"] != "forever":
        raise DeclarationInvalid(f"topic {name}: retention must be forever, or like 30 days")
    kept = None if days is None else int(days[1])
    return DeclaredTopic(Topic(name, partitions, kept, log_append_time=timestamps == "arrival"), compacted)


def _user(name: str, entry: object, topics: Mapping[str, DeclaredTopic]) -> User:
    about = _entries(f"user {name}", entry, _USER_KEYS)
    password = Path(str(about["password"]))
    if password.is_absolute() or ".." in password.parts:
        raise DeclarationInvalid(f"user {name}: password must be a path inside the secrets folder")
    for right in ("writes", "reads"):
        names = about[right]
        if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
            raise DeclarationInvalid(f"user {name}: {right} must be a list of topics")
        if unknown := sorted(name for name in names if not covered(name, topics)):
            raise DeclarationInvalid(f"user {name}: {right} names a topic that is not declared, {unknown[0]}")
    # Without the dot, the groups of `iom` would take in those of an agency `iomx`.
    if about["groups"] != f"{name}.":
        raise DeclarationInvalid(f"user {name}: groups must be {name}. with its dot")
    return User(name, password, frozenset(about["writes"]), frozenset(about["reads"]), about["groups"])


def covered(right: str, topics: Iterable[str]) -> set[str]:
    """Those of the topics that a right is for."""
    below = right.removesuffix("*") if right.endswith(ALL_BELOW) else None
    return {topic for topic in topics if topic == right or (below is not None and topic.startswith(below))}


def _named(what: str, entries: object, form: re.Pattern[str]) -> Iterator[tuple[str, object]]:
    if not isinstance(entries, dict) or not entries:
        raise DeclarationInvalid(f"{what} must be entries by name")
    for name, entry in entries.items():
        if not isinstance(name, str) or not form.fullmatch(name):
            raise DeclarationInvalid(f"{name!r} is no name for one of the {what}")
        yield name, entry


def _entries(what: str, entry: object, keys: set[str]) -> dict[str, Any]:
    if not isinstance(entry, dict) or set(entry) != keys:
        raise DeclarationInvalid(f"{what} must have exactly {', '.join(sorted(keys))}")
    return entry
