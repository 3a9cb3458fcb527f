"""Aid over HTTP."""

from services.aid.routes import donations, issues, requests, shipments, stores
from shared.http.routing import ServiceRouter

router = ServiceRouter(prefix="/aid", tags=["aid"])
for part in (stores, donations, requests, shipments, issues):
    router.include_router(part.router)
