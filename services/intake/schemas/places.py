"""Places."""

from typing import Literal

from pydantic import ConfigDict

from shared.codes import (
    AgencyId,
    RegencyCode,
)
from shared.http.bodies import Body, PublicLine, View


class PutArrivalPoint(Body):
    """A place where people arrive, and the agency that runs its post."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Pelabuhan Sri Bintan Pura, Tanjung Pinang",
                    "agency": "bp2mi",
                    "regency": "21.72",
                    "time_zone": "Asia/Jakarta",
                }
            ]
        }
    )

    name: PublicLine
    agency: AgencyId
    regency: RegencyCode
    time_zone: Literal["Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura"]


class PlaceView(View):
    """A place that intake knows."""

    code: str
    kind: str
    name: str
    agency: str
    regency: str
    time_zone: str
