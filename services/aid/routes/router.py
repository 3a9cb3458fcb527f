"""The router and the door that all routes of aid share."""

from shared.http.door import Doorway
from shared.http.routing import ServiceRouter

router = ServiceRouter(prefix="/aid", tags=["aid"])
door = Doorway("aid")
