"""Examples for the OpenAPI document: every operation shows one answer."""

from typing import Any


def sample(body: Any, status: int = 200) -> dict[str, Any]:
    """For a route's `openapi_extra`: what a good answer looks like."""
    return {"responses": {str(status): {"content": {"application/json": {"example": body}}}}}
