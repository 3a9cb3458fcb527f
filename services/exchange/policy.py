"""Disclosure policy: the agencies of the exchange, and what of the events each does not get.

Data in exchange's database: changed by an administrator, each version kept with who made it and when.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from services.exchange.models import PolicyVersion
from shared.bus.protocol import Topic
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.events.intake import CaseIdentified, CaseScreened

FINDING, CONFIRMED = CaseScreened.TYPE, CaseIdentified.TYPE
"""The second tells the codes of the first again: whoever is not to have them by one way gets them by neither."""
OPTIONAL = frozenset(name for name, field in CaseIdentified.model_fields.items() if not field.is_required())
RETENTION_DAYS = 30
"""Of an agency's topic; older history comes from the feed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One agency of the exchange, as it stands now."""

    agency: str
    name: str
    kind: str
    withheld: frozenset[str]
    """Types of which it gets stubs alone."""
    withheld_fields: Mapping[str, frozenset[str]]
    """By type: fields that its copies lack."""
    member: bool
    """False once it has left: then nothing goes out to it."""
    version: int

    @property
    def all_withheld(self) -> frozenset[str]:
        """With what follows from it."""
        return self.withheld | {CONFIRMED} if FINDING in self.withheld else self.withheld

    @property
    def all_withheld_fields(self) -> Mapping[str, frozenset[str]]:
        """With what follows from it."""
        both = self.withheld_fields.get(FINDING, frozenset()) & OPTIONAL
        if not both:
            return self.withheld_fields
        return {**self.withheld_fields, CONFIRMED: self.withheld_fields.get(CONFIRMED, frozenset()) | both}


_POLICIES = table_of(PolicyVersion)
_NEWEST = select(_POLICIES.c.agency, func.max(_POLICIES.c.version).label("version")).group_by(_POLICIES.c.agency)
_NOW = _NEWEST.subquery()
_CURRENT = Prepared(
    select(_POLICIES)
    .join(_NOW, and_(_NOW.c.agency == _POLICIES.c.agency, _NOW.c.version == _POLICIES.c.version))
    .order_by(_POLICIES.c.agency)
)


def load_policies(session: Session) -> dict[str, Policy]:
    """Every agency that ever joined, by its name, with the policy of now."""
    return {
        row.agency: Policy(
            agency=row.agency,
            name=row.name,
            kind=row.kind,
            withheld=frozenset(row.withheld),
            withheld_fields={of: frozenset(fields) for of, fields in row.withheld_fields.items()},
            member=row.member,
            version=row.version,
        )
        for row in _CURRENT.all(session)
    }


def members(session: Session) -> list[str]:
    """Who is in the exchange now."""
    return [agency for agency, policy in load_policies(session).items() if policy.member]


def agency_topic(agency: str) -> str:
    """Where an agency's own stream stands on the bus."""
    return f"pulang.agency.{agency}"


def topic_of_agency(agency: str) -> Topic:
    """That topic as it is declared."""
    return Topic(agency_topic(agency), retention_days=RETENTION_DAYS, log_append_time=True)
