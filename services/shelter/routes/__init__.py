"""Shelter over HTTP."""

from services.shelter.routes import facilities, occupancy, referrals, stays
from shared.http.routing import ServiceRouter

router = ServiceRouter(prefix="/shelter", tags=["shelter"])
for part in (facilities, referrals, stays, occupancy):
    router.include_router(part.router)
