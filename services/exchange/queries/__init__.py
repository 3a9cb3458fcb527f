"""Reading exchange."""

from services.exchange.queries.agencies import list_agencies, policy_history, policy_view
from services.exchange.queries.deletions import Deletions, Wanted, list_deletions
from services.exchange.queries.log import Disclosed, Stretch, read_log, unsent

__all__ = [
    "Deletions",
    "Disclosed",
    "Stretch",
    "Wanted",
    "list_agencies",
    "list_deletions",
    "policy_history",
    "policy_view",
    "read_log",
    "unsent",
]
