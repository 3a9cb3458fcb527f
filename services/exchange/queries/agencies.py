"""Reading agencies and their policies."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.exchange.joining import is_joining
from services.exchange.models import Agency, PolicyVersion
from services.exchange.policy import Policy, load_policies
from services.exchange.problems import AgencyUnknown
from services.exchange.schemas import AgencyLog, AgencyNow, AgencyPolicy, PolicyChange
from shared.database.models import table_of

_AGENCY = table_of(Agency)
_POLICY = table_of(PolicyVersion)


def list_agencies(session: Session) -> list[AgencyLog]:
    """Every agency that ever joined, with how far its log and its topic are."""
    known = {row.agency: row for row in session.execute(select(_AGENCY))}
    return [
        AgencyLog(
            **dict(policy_view(policy)),
            joining=known[agency].joining_at is not None,
            last=known[agency].last,
            sent=known[agency].sent,
        )
        for agency, policy in load_policies(session).items()
    ]


def get_agency(session: Session, agency: str) -> AgencyNow:
    """One that ever joined. Raises AgencyUnknown."""
    policy = load_policies(session).get(agency)
    if policy is None:
        raise AgencyUnknown
    return AgencyNow(**dict(policy_view(policy)), joining=is_joining(session, agency))


def policy_view(policy: Policy) -> AgencyPolicy:
    """As it is answered."""
    return AgencyPolicy(
        agency=policy.agency,
        name=policy.name,
        kind=policy.kind,
        withheld=sorted(policy.withheld),
        withheld_fields={of: sorted(fields) for of, fields in sorted(policy.withheld_fields.items())},
        member=policy.member,
        version=policy.version,
    )


def policy_history(session: Session, agency: str) -> list[PolicyChange]:
    """Each version of an agency's policy, with who made it and when; the newest first."""
    rows = session.execute(select(_POLICY).where(_POLICY.c.agency == agency).order_by(_POLICY.c.version.desc()))
    return [PolicyChange(**{name: row[name] for name in PolicyChange.model_fields}) for row in rows.mappings()]
