"""A case as it went."""

from datetime import datetime
from typing import Any

from pydantic import Field

from shared.http.bodies import View


class MilestoneView(View):
    """When something was reached first."""

    at: datetime
    after_seconds: int = Field(description="Since the registration; 0 where it is known to the day alone.")


class Timeline(View):
    """All that your agency may see of a case, in causal order."""

    case_id: str
    milestones: dict[str, MilestoneView]
    """By what was reached: `bed`, `kit`, `session`, `home`."""
    events: list[dict[str, Any]] = Field(description="CloudEvents 1.0 in JSON.")
