"""Requests and answers of webhooks."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from shared.events.catalogue import TOLD_TO_AGENCIES
from shared.http.bodies import Body, View

URL = "https://receiver.example.org/pulang/4f1c"
MESSAGE = "msg_k5rmq2c4v7x3n6t2w5z7a4b6ce"
STATES = Literal["waiting", "retrying", "exhausted", "delivered", "skipped", "withheld"]
OUTCOMES = Literal[
    "delivered",
    "status",
    "redirect",
    "gone",
    "timeout",
    "no_address",
    "refused",
    "no_connection",
    "tls",
    "broken",
    "too_large",
    "withheld",
]


def _known(event_type: str) -> str:
    if event_type not in TOLD_TO_AGENCIES:
        raise ValueError("is no type of event")
    return event_type


def _each_once(types: list[str]) -> list[str]:
    return sorted(set(types))


Url = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
EventTypes = Annotated[
    list[Annotated[str, AfterValidator(_known)]],
    Field(min_length=1, max_length=200),
    AfterValidator(_each_once),
]
MessageId = Annotated[str, Field(pattern=r"^msg_[a-z2-7]{26}$", examples=[MESSAGE], description="A `webhook-id`.")]


class RegisterWebhook(Body):
    """Where an agency wants its events."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"url": URL}]})

    url: Url = Field(description="https, without user and fragment, at a public address.")
    event_types: EventTypes | None = Field(
        default=None,
        description="None: all. Requests to delete come always. Versions of a limited subscription have gaps.",
    )
    history: bool = Field(default=False, description="Begin with all that the agency may have, and not with now.")


class ChangeWebhook(Body):
    """What is given is changed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"url": URL}]})

    url: Url | None = None
    event_types: EventTypes | None = Field(default=None, description="null: all.")

    @model_validator(mode="after")
    def _something(self) -> "ChangeWebhook":
        if not self.model_fields_set or ("url" in self.model_fields_set and self.url is None):
            raise ValueError("give a url, or event_types")
        return self


class RotateSecret(Body):
    """How long the secrets of before sign along."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_hours": 24}]})

    overlap_hours: int = Field(default=24, ge=0, le=168, description="0: they end now, since others know them.")


class ReplayMessages(Body):
    """One of the three."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"since": "2026-11-03T05:00:00Z"}]})

    message: MessageId | None = None
    since: AwareDatetime | None = Field(
        default=None, description="All that was taken or tried since then, in the order of the log."
    )
    exhausted: Literal[True] | None = Field(default=None, description="All that are exhausted.")

    @model_validator(mode="after")
    def _one(self) -> "ReplayMessages":
        if sum(one is not None for one in (self.message, self.since, self.exhausted)) != 1:
            raise ValueError("give one of message, since, exhausted")
        return self


class SkipMessage(Body):
    """The message that is given up."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"message": MESSAGE}]})

    message: MessageId


class WebhookKey(View):
    """A public key (`whpk_…`) that `v1a` is verified with."""

    public_key: str
    until: datetime | None = None
    """When it signs no more; none for the present one."""


class Waiting(View):
    """What is not delivered yet."""

    untaken: int
    """Positions of the log that have not become messages."""
    waiting: int
    retrying: int
    exhausted: int
    """Their cases wait, until they are replayed or skipped."""


class WebhookView(View):
    """A webhook."""

    id: str
    agency: str
    url: str
    """Whole for its owner; for an administrator of others the host alone."""
    event_types: list[str] | None = None
    gapless: bool
    """Whether versions can be counted on: not where the subscription is limited to some types."""
    state: Literal["enabled", "disabled"]
    disabled_because: Literal["owner", "administrator", "failing", "gone"] | None = None
    created_at: datetime
    delivered_at: datetime | None = None
    failing_since: datetime | None = None
    messages: Waiting
    public_keys: list[WebhookKey]


class WebhookWithSecret(WebhookView):
    """A webhook with its secret (`whsec_…`), which is shown this once."""

    secret: str | None = None
    """Missing where the answer is repeated, and another secret has taken over."""


class WebhookChanged(View):
    """What was changed; what it is now is read afterwards, so that no stored answer holds an address or a secret."""

    id: str
    secret_id: str | None = None


class WebhookKeys(View):
    """The public keys of a webhook."""

    items: list[WebhookKey]


class WebhookDeleted(View):
    """A webhook that is no more."""

    id: str
    state: Literal["deleted"] = "deleted"


class Delivery(View):
    """One message, and what came of its last attempt."""

    message: str
    """Its `webhook-id`."""
    state: STATES
    attempts: int
    taken_at: datetime
    tried_at: datetime | None = None
    next_at: datetime | None = None
    """When it may be tried; none while it waits behind another one of its case."""
    outcome: OUTCOMES | None = None
    status: int | None = None
    """HTTP status of the last answer."""
    type: str | None = None
    """Type and subject as the agency may know them now; none where it may not."""
    subject: str | None = None


class Replayed(View):
    """How many messages are delivered again."""

    messages: int


class Pinged(View):
    """What came of a ping."""

    delivered: bool
    outcome: OUTCOMES
    status: int | None = None
    ms: int
