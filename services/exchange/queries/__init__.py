"""Reading exchange."""

from services.exchange.queries.agencies import get_agency, list_agencies, policy_history, policy_view
from services.exchange.queries.deletions import Deletions, Wanted, list_deletions
from services.exchange.queries.log import EVERYTHING, Choice, Disclosed, Stretch, read_at, read_case, read_log, unsent

__all__ = [
    "EVERYTHING",
    "Choice",
    "Deletions",
    "Disclosed",
    "Stretch",
    "Wanted",
    "get_agency",
    "list_agencies",
    "list_deletions",
    "policy_history",
    "policy_view",
    "read_at",
    "read_case",
    "read_log",
    "unsent",
]
