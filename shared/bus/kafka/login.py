"""Who we are to the cluster, and why it turns us away."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from shared.bus.protocol import BusUnavailable
from shared.settings import KafkaSettings

_KNOCK_SECONDS = 3.0
_FORBIDDEN = {
    TopicAuthorizationFailedError: "has no right to the topic",
    GroupAuthorizationFailedError: "has no right to the group",
    # What an idempotent producer hears that may write nowhere.
    ClusterAuthorizationFailedError: "may write no topic",
}


class LoginRefused(BusUnavailable):
    """The cluster is there, and does not let this user in, or is not the one that is trusted."""


def connection_to(kafka: KafkaSettings) -> dict[str, Any]:
    """What every aiokafka client is opened with. Raises ValueError for a CA file without a certificate, and for an
    address that is none."""
    try:
        collect_hosts(kafka.bootstrap)
    except ValueError:
        raise ValueError(f"{kafka.bootstrap!r} is no address of Kafka: host:port, more of them with commas") from None
    connection: dict[str, Any] = {"bootstrap_servers": kafka.bootstrap, "client_id": "pulang"}
    if kafka.ca is not None:
        try:
            connection["ssl_context"] = ssl.create_default_context(cafile=kafka.ca)
        except (OSError, ssl.SSLError) as broken:
            raise ValueError(f"no CA certificate can be read from {kafka.ca} ({type(broken).__name__})") from None
    if kafka.user is not None:
        connection |= {
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": kafka.user,
            "sasl_plain_password": kafka.password or "",
        }
    way = "PLAINTEXT" if kafka.ca is None else "SSL"
    return connection | {"security_protocol": way if kafka.user is None else f"SASL_{way}"}


async def log_in(kafka: KafkaSettings) -> None:
    """Comes in and leaves again. Raises LoginRefused, BusUnavailable, and ValueError as `connection_to` does."""
    await knock(connection_to(kafka))


async def knock(connection: Mapping[str, Any]) -> None:
    """aiokafka's clients say only that they found no broker; this tells why. Raises LoginRefused, BusUnavailable."""
    bootstrap, user = connection["bootstrap_servers"], connection.get("sasl_plain_username")
    one = {name: value for name, value in connection.items() if name != "bootstrap_servers"}
    reason = f"no answer from Kafka at {bootstrap}"
    for host, port, _ in collect_hosts(bootstrap):
        try:
            async with asyncio.timeout(_KNOCK_SECONDS):
                found = await create_conn(host, port, **one)
                try:
                    # Who does not log in where one has to is not told before the first question.
                    await found.send(MetadataRequest([]))
                finally:
                    found.close()
        except SaslAuthenticationFailed:
            raise LoginRefused(f"Kafka at {bootstrap} refuses {user}: wrong user or password") from None
        except (UnsupportedSaslMechanismError, IllegalSaslStateError):
            raise LoginRefused(f"Kafka at {bootstrap} knows no SCRAM-SHA-512 here: is it another listener?") from None
        except ssl.SSLCertVerificationError as untrusted:
            raise LoginRefused(
                f"the certificate of Kafka at {bootstrap} is not trusted: {untrusted.verify_message}"
            ) from None
        except ssl.SSLError:
            raise LoginRefused(f"Kafka at {bootstrap} speaks no TLS here: is it another listener?") from None
        except (OSError, KafkaError) as error:  # the next one may be there
            reason = f"no answer from Kafka at {bootstrap} ({type(error).__name__})"
        else:
            return
    raise BusUnavailable(reason)


def forbids(error: BaseException) -> bool:
    """Whether the cluster said that this user may not: asking again at once is in vain."""
    return type(error) in _FORBIDDEN


def reason_of(error: BaseException) -> str:
    """In one line, without anything that was sent."""
    what = _FORBIDDEN.get(type(error))
    if what is None:
        return type(error).__name__
    about = error.args[0] if error.args else ""
    names = sorted(about) if isinstance(about, (set, frozenset)) else [about]
    told = ", ".join(name for name in names if isinstance(name, str) and " " not in name)
    return f"this user {what} {told}".rstrip()
