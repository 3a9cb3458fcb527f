"""Shelter over HTTP."""

from fastapi import APIRouter

from services.shelter.routes import facilities, occupancy, referrals, stays

router = APIRouter(prefix="/shelter", tags=["shelter"])
for part in (facilities, referrals, stays, occupancy):
    router.include_router(part.router)
