"""Opening the places of a season, until every service has heard of them."""

import asyncio
import time

from pulang.client import OPERATOR, Bearer
from pulang.complaint import Complaint
from pulang.replay.api import PATIENCE_SECONDS, Api
from pulang.replay.season import Season

PAUSE_SECONDS = 0.05


async def open_places(api: Api, season: Season) -> None:
    """Arrival points at intake, shelters at shelter; those that are open stay as they are."""
    administrator = api.tokens.bearer(OPERATOR, "administrator")
    for point in season.arrival_points.values():
        path = f"/intake/arrival-points/{point.code}"
        if await api.find(f"/intake/places/{point.code}", administrator) is None:
            await api.put(path, administrator, _particulars(point))
    for shelter in season.shelters.values():
        path = f"/shelter/facilities/{shelter.code}"
        if await api.find(path, administrator) is None:
            rooms = [{"name": room.name, "type": room.type, "beds": room.beds} for room in shelter.rooms]
            await api.put(path, administrator, _particulars(shelter) | {"rooms": rooms})
    await _until_heard(api, season, administrator)


def _particulars(place: object) -> dict[str, object]:
    return {name: getattr(place, name) for name in ("name", "agency", "regency", "time_zone")}


async def _until_heard(api: Api, season: Season, administrator: Bearer) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    wanted = set(season.shelters)
    while True:
        referable = {place["code"] for place in (await api.get("/intake/places", administrator))["items"]}
        stores = {store["code"] async for store in api.every("/aid/stores", administrator)}
        if wanted <= referable & stores:
            return
        if time.monotonic() > until:
            missing = sorted(wanted - (referable & stores))
            raise Complaint(
                f"intake or aid has not heard of {', '.join(missing)} for {PATIENCE_SECONDS:.0f} s: "
                "look at `pulang status`, then run it again, it goes on"
            )
        await asyncio.sleep(PAUSE_SECONDS)
