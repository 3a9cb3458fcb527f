"""Answers of the feed."""

from typing import Any

from pydantic import Field

from shared.http.bodies import View


class FeedPage(View):
    """Events of an agency's log, in its order, and where to go on."""

    events: list[dict[str, Any]] = Field(description="CloudEvents 1.0 in JSON.")
    next: str = Field(description="Cursor: give it as `after` to go on; also there when nothing is new.")
    more: bool = Field(description="Whether the log went on behind this page when it was read.")
    gapless: bool = Field(
        description="Whether `streamversion` counts without a gap here: not where only some types were asked for."
    )
