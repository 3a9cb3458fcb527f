"""What the access record says, in the person's language: data in a file, read once. It does no I/O but that."""

import json
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from services.intake.schemas.access_record import Language
from shared.security.roles import Roles
from shared.settings import ROLES


@cache
def _words() -> Any:
    return json.loads((Path(__file__).parent / "access_record.json").read_text(encoding="utf-8"))


@cache
def _roles() -> Roles:
    return Roles.load(ROLES)


def acts() -> list[str]:
    """What belongs in the record: all that shows or asks for an identity."""
    return list(_words()["acts"])


def word(kind: str, code: str, language: Language) -> str:
    """The words for a code; the code itself where nobody has written any (an agency that joined since)."""
    known = _words()[kind].get(code)
    return str(known[language]) if known else code


def text(name: str, language: Language, **values: object) -> str:
    return str(_words()["text"][name][language]).format(**values)


def role_titles(names: Iterable[str], language: Language) -> list[str]:
    """Of those roles that are ours; an issuer's tokens may name others."""
    held = (_roles().by_name[name] for name in names if name in _roles().by_name)
    return [role.title_id if language == "id" else role.title_en for role in held]


def moment_in_words(at: datetime, language: Language) -> str:
    """`3 November 2026, 14.05 WIB`; the time's own zone."""
    words = _words()
    month = words["months"][language][at.month - 1]
    return f"{at.day} {month} {at.year}, {at.strftime(words['clock'][language])} {at.strftime('%Z')}"
