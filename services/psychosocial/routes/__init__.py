"""Psychosocial over HTTP."""

from fastapi import APIRouter

from services.psychosocial.routes import sessions, worklist

router = APIRouter(prefix="/psychosocial", tags=["psychosocial"])
for part in (worklist, sessions):
    router.include_router(part.router)
