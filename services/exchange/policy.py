"""Disclosure policy: the agencies, and the types of events that each does not get. Data in a file, read once."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.events.intake import CaseErased, ConsentChanged

_AGENCY = re.compile(r"[a-z0-9]{1,32}")
_FIELDS = {"name", "kind", "withheld"}


class PolicyInvalid(ValueError):
    """The file of policies does not have the form {agency: {"name", "kind", "withheld": [types]}}."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One agency of the exchange. `withheld`: types of which it gets stubs alone."""

    agency: str
    name: str
    kind: str
    withheld: frozenset[str]


def load_policies(path: Path) -> dict[str, Policy]:
    """The policies in a JSON file, by agency. Raises PolicyInvalid, OSError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PolicyInvalid(f"{path.name} is no JSON text: {error}") from None
    if not isinstance(content, dict) or not content:
        raise PolicyInvalid(f"{path.name} is no object of agencies")
    return {agency: _policy(agency, entry) for agency, entry in content.items()}


@cache
def policies() -> Mapping[str, Policy]:
    """The policies that come with Pulang."""
    return load_policies(Path(__file__).parent / "policy.json")


def agency_topic(agency: str) -> str:
    """Where an agency's own stream stands on the bus."""
    return f"pulang.agency.{agency}"


def _policy(agency: str, entry: object) -> Policy:
    if not _AGENCY.fullmatch(agency):
        raise PolicyInvalid(f"{agency!r} is no agency: small letters and digits")
    if not isinstance(entry, dict) or set(entry) != _FIELDS:
        raise PolicyInvalid(f"agency {agency} must have exactly name, kind and withheld")
    name, kind, withheld = entry["name"], entry["kind"], entry["withheld"]
    if not all(isinstance(text, str) and text for text in (name, kind)):
        raise PolicyInvalid(f"agency {agency} has no name or kind")
    if not isinstance(withheld, list) or not all(isinstance(one, str) and one for one in withheld):
        raise PolicyInvalid(f"what agency {agency} does not get is no list of types")
    if {ConsentChanged.TYPE, CaseErased.TYPE} & set(withheld):
        raise PolicyInvalid(f"agency {agency} must be told when it has to delete: that cannot be withheld")
    return Policy(agency, name, kind, frozenset(withheld))
