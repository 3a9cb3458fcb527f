"""Agencies of the exchange."""

from shared.http.bodies import View


class AgencyLog(View):
    """An agency of the exchange."""

    agency: str
    name: str
    kind: str
    withheld: list[str]
    """Types of events of which it gets stubs alone."""
    last: int
    """Last position of its log."""
    sent: int
    """Up to where its topic on the bus stands."""
