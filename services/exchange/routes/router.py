"""The router and the door that all routes of exchange share."""

from shared.http.door import Doorway
from shared.http.routing import ServiceRouter

router = ServiceRouter(prefix="/exchange", tags=["exchange"])
door = Doorway("exchange")
