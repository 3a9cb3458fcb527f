"""What a checker finds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that must not be: the rule's name, and what broke it (ids alone, nothing of a person)."""

    rule: str
    detail: str
