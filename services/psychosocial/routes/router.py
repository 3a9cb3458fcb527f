"""The router and the door that all routes of psychosocial share."""

from shared.http.door import Doorway
from shared.http.routing import ServiceRouter

router = ServiceRouter(prefix="/psychosocial", tags=["psychosocial"])
door = Doorway("psychosocial")
