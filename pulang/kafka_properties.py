"""The files by which the stock Kafka tools log in, as far as an agency needs them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pulang.complaint import Complaint
from shared.settings import KafkaSettings

_LINE = re.compile(r"\s*(?P<key>[^\s=:]+)\s*[=:\s]\s*(?P<value>.*)")
_WORD = re.compile(r'(username|password)\s*=\s*"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


def kafka_properties(login: KafkaSettings) -> str:
    """The file of a login by SCRAM, over TLS where it has a CA."""
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    lines = [
        f"bootstrap.servers={login.bootstrap}",
        f"security.protocol={'SASL_PLAINTEXT' if login.ca is None else 'SASL_SSL'}",
        "sasl.mechanism=SCRAM-SHA-512",
        f'sasl.jaas.config={module} required username="{login.user}" password="{login.password}";',
    ]
    if login.ca is not None:
        lines += ["ssl.truststore.type=PEM", f"ssl.truststore.location={login.ca}"]
    return "\n".join(lines) + "\n"


def read_kafka_properties(path: Path, bootstrap: str | None) -> KafkaSettings:
    """`bootstrap` goes before what the file says. SCRAM-SHA-512 over TLS or not, trust in a PEM file. Raises
    Complaint, which never quotes the file."""
    try:
        properties = dict(_properties(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as broken:
        raise Complaint(f"{path} cannot be read ({type(broken).__name__}): name one with --kafka-config") from None
    bootstrap = bootstrap or properties.get("bootstrap.servers")
    if not bootstrap:
        raise Complaint("no Kafka is named: set KAFKA_BOOTSTRAP to host:port")
    protocol = properties.get("security.protocol", "PLAINTEXT")
    if protocol not in ("SASL_SSL", "SASL_PLAINTEXT"):
        raise Complaint(f"{path}: security.protocol must be SASL_SSL or SASL_PLAINTEXT")
    if properties.get("sasl.mechanism") != "SCRAM-SHA-512":
        raise Complaint(f"{path}: sasl.mechanism must be SCRAM-SHA-512")
    login = {name: _ESCAPED.sub(r"\1", value) for name, value in _WORD.findall(properties.get("sasl.jaas.config", ""))}
    if len(login) != 2:
        raise Complaint(f'{path}: sasl.jaas.config must have username="..." and password="..."')
    ca = _trusted(path, properties) if protocol == "SASL_SSL" else None
    return KafkaSettings(bootstrap, login["username"], login["password"], ca)


def _trusted(path: Path, properties: Mapping[str, str]) -> Path:
    location = properties.get("ssl.truststore.location")
    if properties.get("ssl.truststore.type") != "PEM" or not location:
        raise Complaint(f"{path}: ssl.truststore.type must be PEM, and ssl.truststore.location its file")
    return Path(location)


def _properties(text: str) -> Iterator[tuple[str, str]]:
    """As java.util.Properties reads them, but for \\u, \\n and their like."""
    for line in re.sub(r"\\\r?\n[ \t]*", "", text).splitlines():
        found = _LINE.fullmatch(line)
        if found is not None and found["key"][0] not in "#!":
            yield found["key"], _ESCAPED.sub(r"\1", found["value"])
