"""An agency joins the exchange, or leaves it. Each step may be run again: what is done already is passed over.

On the data folder of one machine the exchange alone knows agencies. On a cluster they also have a topic, permissions
and a login on Kafka (PULANG_KAFKA and its administrator's login are set) and clients at Keycloak (PULANG_KEYCLOAK).
"""

import json
import os
import re
import secrets as random
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from pulang.agencies.keycloak import Keycloak
from pulang.client import OPERATOR, Client, Reach
from pulang.complaint import Complaint
from pulang.kafka_properties import kafka_properties, read_kafka_properties
from pulang.oidc_clients import OidcClient, clients_of_agency
from pulang.private_files import write_private
from pulang.services import SERVICES
from shared.settings import Environment, KafkaSettings, SettingInvalid, kafka_from

_PASSWORD_BYTES = 32
_NAME = re.compile(r"[a-z0-9]{1,32}")


@dataclass(frozen=True, slots=True)
class NewAgency:
    """What is said of an agency when it joins."""

    agency: str
    name: str
    kind: str
    withheld: tuple[str, ...]


def add_agency(to: Reach, new: NewAgency, out: Path) -> None:
    """Its topic, logins and clients first, then it joins: nothing of it waits for what is not there.

    What the agency needs is left in `out`, readable by its owner alone: NAME.properties and NAME.ca.pem for Kafka,
    NAME.clients.json, and NAME.env for the shell of its developers. Raises Complaint; what was printed before has been
    done.
    """
    _must_be_a_name(new.agency)
    with Client(to, to.tokens.bearer(OPERATOR, "administrator")) as client:
        before = _policy(client, new.agency)
        if before is not None and before["member"] and _wanted(new, before["withheld_fields"]) != _said(before):
            raise Complaint(
                f"agency {new.agency} is in the exchange with another policy: change it at PUT /exchange/agencies"
            )
        changed = False
        for line in _open(new.agency, out, to.url):
            changed = True
            print(line, flush=True)
        if before is None or not before["member"]:
            version = None if before is None else before["version"]
            answer = client.put(f"/exchange/agencies/{new.agency}", _wanted(new, {}), version)
            print(f"agency {new.agency}: joined" + ("; its log is still being written" if answer["joining"] else ""))
        elif not changed:
            print("nothing to change")


def remove_agency(to: Reach, agency: str) -> None:
    """It leaves first, so that nothing is sent any more; then what it had goes: clients, permissions, login, topic.

    Raises Complaint; what was printed before has been done.
    """
    _must_be_a_name(agency)
    with Client(to, to.tokens.bearer(OPERATOR, "administrator")) as client:
        before = _policy(client, agency)
        if before is None:
            raise Complaint(f"there is no agency {agency} in the exchange")
        changed = before["member"]
        if changed:
            client.delete(f"/exchange/agencies/{agency}", before["version"])
            print(f"agency {agency}: left", flush=True)
        for line in _close(agency):
            changed = True
            print(line, flush=True)
        if not changed:
            print("nothing to change")


def list_agencies(to: Reach, *, as_json: bool) -> None:
    """Every agency that ever joined. Raises Complaint."""
    with Client(to, to.tokens.bearer(OPERATOR, "administrator")) as client:
        items = client.get("/exchange/agencies")["items"]
    if as_json:
        sys.stdout.buffer.write(orjson.dumps({"items": items}) + b"\n")
        return
    for item in items:
        state = f"{item['sent']} of {item['last']} sent" if item["member"] else "has left"
        if item["joining"]:
            state = "joining: its log is being written"
        print(f"{item['agency']}: {item['name']} ({item['kind']}), {state}")


def _must_be_a_name(agency: str) -> None:
    """Before anything is made: another user's name would lose that user its permissions and its login.

    Raises Complaint.
    """
    if not _NAME.fullmatch(agency):
        raise Complaint(f"{agency!r} is no agency: up to 32 small letters and digits")
    if agency in (*SERVICES, OPERATOR, os.environ.get("PULANG_KAFKA_USER")):
        raise Complaint(f"{agency} is the name of a user of Pulang itself: an agency needs another one")


def _policy(client: Client, agency: str) -> dict[str, Any] | None:
    known: list[dict[str, Any]] = client.get("/exchange/agencies")["items"]
    return next((one for one in known if one["agency"] == agency), None)


def _wanted(new: NewAgency, withheld_fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": new.name,
        "kind": new.kind,
        "withheld": sorted(new.withheld),
        "withheld_fields": withheld_fields,
    }


def _said(policy: dict[str, Any]) -> dict[str, Any]:
    return {name: policy[name] for name in ("name", "kind", "withheld", "withheld_fields")}


def _open(agency: str, out: Path, url: str) -> Iterator[str]:
    kafka, keycloak = _kafka(), _keycloak()
    exports = {"PULANG_URL": url}
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    if kafka is not None:
        from pulang.provision.agency import open_to

        login = _login(agency, out / f"{agency}.properties", kafka)
        exports |= {
            "KAFKA_BOOTSTRAP": login.bootstrap,
            "KAFKA_CA": str(login.ca or ""),
            "KAFKA_USER": agency,
            "KAFKA_PASSWORD": login.password or "",
        }
        yield from open_to(kafka, agency, login.password or "")
        path = out / f"{agency}.properties"
        if not path.exists():
            write_private(path, kafka_properties(login))
            yield f"made {path}"
    if keycloak is not None:
        path, clients = out / f"{agency}.clients.json", clients_of_agency(agency)
        known = _secrets_in(path)
        secrets = {client.id: known.get(client.id) or random.token_urlsafe(_PASSWORD_BYTES) for client in clients}
        if not known:  # before they are made: who is stopped in between must not have clients that nobody can be
            listed = [
                {"agency": one.agency, "role": one.role, "id": one.id, "secret": secrets[one.id]} for one in clients
            ]
            write_private(path, json.dumps({"token_url": keycloak.token_url, "clients": listed}, indent=1) + "\n")
            yield f"made {path}"
        with keycloak:
            yield from keycloak.open_to(clients, secrets, anew=not known)
        yield from _write_exports(out / f"{agency}.env", exports | _integrator(keycloak, clients, secrets))


def _integrator(keycloak: Keycloak, clients: Sequence[OidcClient], secrets: Mapping[str, str]) -> dict[str, str]:
    (one,) = (client for client in clients if client.role == "integrator")
    return {
        "PULANG_TOKEN_URL": keycloak.token_url,
        "PULANG_CLIENT_ID": one.id,
        "PULANG_CLIENT_SECRET": secrets[one.id],
    }


def _write_exports(path: Path, exports: Mapping[str, str]) -> Iterator[str]:
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in exports.items())
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_private(path, text)
        yield f"made {path}"


def _close(agency: str) -> Iterator[str]:
    kafka, keycloak = _kafka(), _keycloak()
    if keycloak is not None:
        with keycloak:
            yield from keycloak.close_to(clients_of_agency(agency))
    if kafka is not None:
        from pulang.provision.agency import close_to

        yield from close_to(kafka, agency)


def _kafka() -> KafkaSettings | None:
    if not os.environ.get("PULANG_KAFKA"):
        return None
    try:
        return kafka_from(Environment())
    except SettingInvalid as invalid:
        raise Complaint(str(invalid)) from None


def _keycloak() -> Keycloak | None:
    if not os.environ.get("PULANG_KEYCLOAK"):
        return None
    environment = Environment()
    try:
        url, password = environment.text("PULANG_KEYCLOAK"), environment.secret("PULANG_KEYCLOAK_PASSWORD")
        issuer = environment.text("PULANG_OIDC_ISSUER")
        environment.check()
    except SettingInvalid as invalid:
        raise Complaint(str(invalid)) from None
    return Keycloak(url, environment.text_or("PULANG_KEYCLOAK_USER", "admin"), password, issuer)


def _login(agency: str, path: Path, kafka: KafkaSettings) -> KafkaSettings:
    """How the agency comes in: as a run before has written it, else new. Agencies have a listener of their own."""
    bootstrap = os.environ.get("KAFKA_BOOTSTRAP") or kafka.bootstrap
    if path.exists():
        return read_kafka_properties(path, bootstrap)
    ca = os.environ.get("KAFKA_CA") or kafka.ca
    if ca is not None:  # the agency gets one that is its own: ours is not on its machine
        given = path.with_name(f"{agency}.ca.pem").absolute()
        given.write_bytes(Path(ca).read_bytes())
        ca = given
    return KafkaSettings(bootstrap, agency, random.token_urlsafe(_PASSWORD_BYTES), ca)


def _secrets_in(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        return {one["id"]: one["secret"] for one in json.loads(path.read_text(encoding="utf-8"))["clients"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise Complaint(f"{path} is not what this command has written: put it right, or remove it") from None
