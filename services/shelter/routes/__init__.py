"""Shelter over HTTP."""

from services.shelter.routes import facilities, occupancy, referrals, stays
from services.shelter.routes.router import router

__all__ = ["facilities", "occupancy", "referrals", "router", "stays"]
