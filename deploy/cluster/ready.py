"""What a cluster that is ready leaves for its users: `env`, the clients, a file per agency for Kafka's own tools."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

from deploy.cluster.places import Places
from deploy.cluster.receiver import Receiver
from pulang.kafka_properties import kafka_properties
from pulang.oidc_clients import AGENCIES, clients_file
from pulang.private_files import write_private
from shared.settings import KafkaSettings

GATEWAY, AGENCIES_LISTENER = "http://gateway:8000", "kafka:9094"
TOKENS = "realms/pulang/protocol/openid-connect/token"


def write_files(folder: Path, places: Places, receiver: Receiver) -> Mapping[str, str]:
    """Each with mode 0600; what `env` says. Raises pulang's Complaint where a secret is missing."""
    url, bootstrap = places.text(GATEWAY), places.text(AGENCIES_LISTENER)
    volumes = folder / "volumes"
    clients = clients_file(f"{url}/{TOKENS}", volumes / "secrets-oidc" / "clients")
    write_private(folder / "clients.json", json.dumps(clients, indent=1) + "\n")
    kafka = volumes / "secrets-kafka"
    for agency in AGENCIES:
        password = (kafka / "agencies" / agency).read_text().strip()
        write_private(
            folder / f"{agency}.properties",
            kafka_properties(KafkaSettings(bootstrap, agency, password, kafka / "ca.pem")),
        )
    environment = {
        "PULANG_URL": url,
        "PULANG_CLIENTS": str(folder / "clients.json"),
        "KAFKA_BOOTSTRAP": bootstrap,
        "PULANG_REHEARSAL": "yes",
        "RECEIVER_URL": receiver.url,
        "RECEIVER_CERTIFICATE": str(receiver.certificate),
    }
    write_private(folder / "env", _exports(environment))
    write_private(folder / "operator.env", _exports(_operators(volumes, places, url)))
    return environment


def _operators(volumes: Path, places: Places, url: str) -> dict[str, str]:
    """What `pulang agencies` needs besides."""
    kafka, oidc = volumes / "secrets-kafka", volumes / "secrets-oidc"
    return {
        "PULANG_KAFKA": places.text("kafka:9092"),
        "PULANG_KAFKA_USER": "admin",
        "PULANG_KAFKA_PASSWORD_FILE": str(kafka / "admin"),
        "KAFKA_CA": str(kafka / "ca.pem"),
        "PULANG_KEYCLOAK": places.text("http://keycloak:8080"),
        "PULANG_KEYCLOAK_PASSWORD_FILE": str(oidc / "admin"),
        "PULANG_OIDC_ISSUER": f"{url}/realms/pulang",
    }


def _exports(environment: Mapping[str, str]) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


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
  webhooks     reach a receiver of yours at {environment["RECEIVER_URL"]}: see docs/integrating.md
  the rest     {shown}/addresses.json, {shown}/logs, secrets in {shown}/volumes

In another terminal:

  source {shown}/env
  .venv/bin/pulang demo examples/season-2020 --url $PULANG_URL --exit
  .venv/bin/pulang status
  .venv/bin/pulang watch iom
  (source {shown}/operator.env; .venv/bin/pulang agencies list)
  java -cp '.kafka/libs/*' {consume} \\
    --topic pulang.agency.iom --group iom.console --from-beginning --consumer.config {shown}/iom.properties

Ctrl-C stops all of it and keeps the data; `make cluster-clean` removes them.
"""
