"""Aid over HTTP."""

from fastapi import APIRouter

from services.aid.routes import donations, issues, requests, shipments, stores

router = APIRouter(prefix="/aid", tags=["aid"])
for part in (stores, donations, requests, shipments, issues):
    router.include_router(part.router)
