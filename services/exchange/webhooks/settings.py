"""What the operators say of webhooks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from services.exchange.webhooks.addresses import Network, NetworkInvalid, networks_in
from services.exchange.webhooks.naming import Lookup
from shared.settings import Environment, SettingInvalid
from shared.times import utc_now


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Frozen; made where exchange is wired."""

    allow: tuple[Network, ...] = ()
    """Networks that webhooks may reach though they are not public: closed networks, tests. https there, too."""
    ca: Path | None = None
    """Certificates (PEM) of authorities that are trusted beside the system's own."""
    now: Callable[[], datetime] = utc_now
    look_up: Lookup | None = None
    """None: the system's, on threads of whoever asks."""
    answer_seconds: float = 15.0
    """From the first byte sent to the last one read."""
    connect_seconds: float = 5.0
    """For name, connection and TLS."""
    fresh_seconds: float = 1.0
    """What was decided longer ago than this before the first byte goes out is decided again."""
    at_once: int = 16
    """Requests under way to one endpoint."""


def settings_from(environment: Environment) -> WebhookSettings:
    """`PULANG_WEBHOOK_ALLOW`, `PULANG_WEBHOOK_CA`. Raises SettingInvalid."""
    ca = environment.text_or("PULANG_WEBHOOK_CA", "")
    if ca and not Path(ca).is_file():
        raise SettingInvalid("PULANG_WEBHOOK_CA names no file")
    try:
        allow = networks_in(environment.text_or("PULANG_WEBHOOK_ALLOW", ""))
    except NetworkInvalid as refused:
        raise SettingInvalid(f"PULANG_WEBHOOK_ALLOW {refused}") from None
    return WebhookSettings(allow=allow, ca=Path(ca) if ca else None)
