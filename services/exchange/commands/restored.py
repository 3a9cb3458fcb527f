"""After a restore: who joined and who left since the backup, as exchange itself told it then."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from services.exchange.commands.agencies import send_anew, write_policy
from services.exchange.log import take_positions
from services.exchange.policy import load_policies
from shared.database.prepared import Prepared
from shared.outbox.table import STREAMS
from shared.restoring.entering import whole_again
from shared.restoring.memberships import Membership, as_told

BY = "restore-check"
"""Who has changed a policy: whoever has the database's credentials, of whom no more is known."""
_STREAMS = Prepared(
    select(STREAMS.c.subject, STREAMS.c.version).where(STREAMS.c.subject.in_(bindparam("of_subjects", expanding=True)))
)


def members_again(session: Session, told: Mapping[str, Membership], now: datetime) -> None:
    """Who left is no member, who came back is one, under the policy that the backup holds: the event has none.

    Where nothing is missing with that, nobody has to enter anything again, and the agency can be sent away or called
    back at once. An agency that joined since, whose policy nobody knows here, stays out and is entered again.
    """
    take_positions(session, 0)
    versions = {row.subject: row.version for row in _STREAMS.all(session, of_subjects=sorted(told))}
    newest = {agency: one for agency, one in told.items() if versions.get(agency) == one.version}
    as_told(session, newest, now)
    policies, whole = load_policies(session), []
    for agency, one in sorted(newest.items()):
        known = policies.get(agency)
        if known is None and one.member:
            continue
        whole.append(agency)
        if known is not None and known.member is not one.member:
            write_policy(session, replace(known, member=one.member, version=known.version + 1), now, BY)
            if one.member:
                send_anew(session, agency)
    whole_again(session, whole)
