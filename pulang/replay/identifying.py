"""The shelter's supervisor looks at whom the post found to be a victim, and approves."""

import asyncio
from collections.abc import Sequence

from pulang.replay.scene import Scene
from pulang.replay.season import Person


async def identify(scene: Scene, people: Sequence[Person]) -> None:
    """Of people who were referred: from then on they are in the scope of the shelter's agency."""
    async with asyncio.TaskGroup() as together:
        for person in people:
            if person.row in scene.proposed:
                together.create_task(_approve(scene, person))


async def _approve(scene: Scene, person: Person) -> None:
    supervisor = scene.api.tokens.bearer(scene.agency(person), "supervisor")
    path = f"/intake/approvals/{scene.proposed[person.row]}/approval"
    await scene.api.post(path, supervisor, {})
    scene.identified[person.row].set()
