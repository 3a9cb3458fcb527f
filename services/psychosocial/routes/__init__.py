"""Psychosocial over HTTP."""

from services.psychosocial.routes import sessions, worklist
from services.psychosocial.routes.router import router

__all__ = ["router", "sessions", "worklist"]
