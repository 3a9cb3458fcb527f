"""Examples that several requests and answers share."""

from typing import Any

from pydantic import ConfigDict

ID_EXAMPLE = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"
FACILITY_EXAMPLE: dict[str, Any] = {
    "name": "RPTC Tanjung Pinang",
    "agency": "kemensos",
    "regency": "21.72",
    "time_zone": "Asia/Jakarta",
    "rooms": [{"name": "M1", "type": "male", "beds": 20}, {"name": "F1", "type": "female", "beds": 15}],
}


def example_of(body: dict[str, Any]) -> ConfigDict:
    """A model's example in the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": [body]})
