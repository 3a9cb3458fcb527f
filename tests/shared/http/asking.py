"""How the stories of this folder send what no client of ours would."""

from typing import Any

import httpx

from tests.world import User

MARKER = "RahasiaSekali"
"""Stands where a person's data would; nothing may repeat it."""
JSON = {"content-type": "application/json"}


async def send(user: User, method: str, path: str, content: Any, headers: dict[str, str] = JSON) -> httpx.Response:
    """These bytes, or an asynchronous iterator of parts."""
    return await user._send(method, path, content=content, headers=headers)
