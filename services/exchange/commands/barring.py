"""What an administrator disables is a host for an agency, whatever the path, and whichever webhook it stands in."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from services.exchange.problems import DisabledByAdministrator
from services.exchange.webhooks.messages import ENDPOINTS
from services.exchange.webhooks.sealed import Seal
from services.exchange.webhooks.url import target_of
from shared.work import Work

ADMINISTRATOR, OWNER = "administrator", "owner"
"""Why a webhook is disabled. What an administrator disabled its owner cannot enable."""


def bar_host(work: Work, row: Any) -> Sequence[str]:
    """Disable whatever the agency has at this webhook's host; their ids."""
    there = _at_host(work, row.agency, _host_in(work, row))
    _disable(work, there, ADMINISTRATOR)
    return [one.endpoint_id for one in there]


def lift_bar(work: Work, row: Any) -> None:
    """What else is disabled there is its owner's to enable again."""
    there = _at_host(work, row.agency, _host_in(work, row))
    others = [one for one in there if one.disabled_because == ADMINISTRATOR and one.endpoint_id != row.endpoint_id]
    _disable(work, others, OWNER)


def must_not_be_disabled_by_administrator(row: Any) -> None:
    """Raises DisabledByAdministrator."""
    if row.disabled_because == ADMINISTRATOR:
        raise DisabledByAdministrator


def must_not_be_barred(work: Work, agency: str, url: str) -> None:
    """Raises DisabledByAdministrator."""
    if any(one.disabled_because == ADMINISTRATOR for one in _at_host(work, agency, _host_of(url))):
        raise DisabledByAdministrator(pointer="#/url")


def _disable(work: Work, rows: Sequence[Any], because: str) -> None:
    for one in rows:
        changed = {"state": "disabled", "disabled_because": because, "version": one.version + 1}
        work.session.execute(update(ENDPOINTS).where(ENDPOINTS.c.endpoint_id == one.endpoint_id).values(changed))


def _at_host(work: Work, agency: str, host: str) -> list[Any]:
    """Their rows, locked."""
    mine = select(ENDPOINTS).where(ENDPOINTS.c.agency == agency, ENDPOINTS.c.state != "deleted")
    rows = work.session.execute(mine.order_by(ENDPOINTS.c.endpoint_id).with_for_update())
    return [row for row in rows if _host_in(work, row) == host]


def _host_in(work: Work, row: Any) -> str:
    return _host_of(Seal(work.secrets.webhook).open_url(row.endpoint_id, row.url))


def _host_of(url: str) -> str:
    return target_of(url).host.rstrip(".")
