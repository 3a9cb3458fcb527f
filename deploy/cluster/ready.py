"""What a cluster that is ready leaves for its users: `env`, the clients, a file per agency for Kafka's own tools."""

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from deploy.cluster.places import Places
from pulang.oidc_clients import AGENCIES, clients_file

GATEWAY, AGENCIES_LISTENER = "http://gateway:8000", "kafka:9094"
TOKENS = "realms/pulang/protocol/openid-connect/token"


def write_files(folder: Path, places: Places) -> Mapping[str, str]:
    """Each with mode 0600; what `env` says. Raises pulang's Complaint where a secret is missing."""
    url, bootstrap = places.text(GATEWAY), places.text(AGENCIES_LISTENER)
    volumes = folder / "volumes"
    clients = clients_file(f"{url}/{TOKENS}", volumes / "secrets-oidc" / "clients")
    _write(folder / "clients.json", json.dumps(clients, indent=1) + "\n")
    kafka = volumes / "secrets-kafka"
    for agency in AGENCIES:
        password = (kafka / "agencies" / agency).read_text().strip()
        _write(folder / f"{agency}.properties", _properties(bootstrap, agency, password, kafka / "ca.pem"))
    environment = {"PULANG_URL": url, "PULANG_CLIENTS": str(folder / "clients.json"), "KAFKA_BOOTSTRAP": bootstrap}
    _write(folder / "env", "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()))
    return environment


def what_next(folder: Path, places: Places, environment: Mapping[str, str], replicas: int) -> str:
    """One screen: where things are, and what to try."""
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    consume = f"org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server {environment['KAFKA_BOOTSTRAP']}"
    return f"""
Pulang is ready, {replicas} of each service.

  gateway      {environment["PULANG_URL"]}, such as /intake/readyz
  Kafka        {environment["KAFKA_BOOTSTRAP"]} for agencies, by TLS and their own login
  PostgreSQL   {places.text("postgres:5432")}
  Keycloak     {places.text("http://keycloak:8080")}, user admin
  the rest     {shown}/addresses.json, {shown}/logs, secrets in {shown}/volumes

In another terminal:

  source {shown}/env
  .venv/bin/pulang demo examples/season-2020 --url $PULANG_URL --exit
  .venv/bin/pulang status
  .venv/bin/pulang watch iom
  java -cp '.kafka/libs/*' {consume} \\
    --topic pulang.agency.iom --group iom.console --from-beginning --consumer.config {shown}/iom.properties

Ctrl-C stops all of it and keeps the data; `make cluster-clean` removes them.
"""


def _properties(bootstrap: str, agency: str, password: str, authority: Path) -> str:
    login = (
        f'org.apache.kafka.common.security.scram.ScramLoginModule required username="{agency}" password="{password}";'
    )
    return f"""\
bootstrap.servers={bootstrap}
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config={login}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
"""


def _write(path: Path, text: str) -> None:
    """For its owner from the first byte on, whatever was there."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
