"""The router and the door that all routes of shelter share."""

from shared.http.door import Doorway
from shared.http.routing import ServiceRouter

router = ServiceRouter(prefix="/shelter", tags=["shelter"])
door = Doorway("shelter")
