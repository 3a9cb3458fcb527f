"""Examples for the OpenAPI document: every operation shows one answer."""

from typing import Any


def sample(body: Any, status: int = 200, links: dict[str, Any] | None = None) -> dict[str, Any]:
    """For a route's `openapi_extra`: what a good answer looks like, and what can be asked next (see `link`)."""
    answer: dict[str, Any] = {"content": {"application/json": {"example": body}}}
    if links:
        answer["links"] = links
    return {"responses": {str(status): answer}}


def link(operation: str, body: Any = None, **parameters: str) -> dict[str, Any]:
    """An OpenAPI link to the operation of that id; each value is where in the answer it stands, as `stays/0/stay_id`.

    `body`: the whole next request, in which `$...` are OpenAPI's runtime expressions.
    """
    told: dict[str, Any] = {"operationId": operation}
    if parameters:
        told["parameters"] = {name: f"$response.body#/{place}" for name, place in parameters.items()}
    if body is not None:
        told["requestBody"] = body
    return told
