"""The router and the door that all routes of intake share."""

from shared.http.door import Doorway
from shared.http.routing import ServiceRouter

router = ServiceRouter(prefix="/intake", tags=["intake"])
door = Doorway("intake")
