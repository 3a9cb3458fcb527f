"""Behind the gateway, as compose.yaml has it: each client counts for itself, and nobody says who they are."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator

import httpx
import pytest

from deploy.cluster.compose import read
from deploy.cluster.programs import caddy
from tests.system.command import ROOT, up

MANY = 60
"""More than are allowed at once, and in any time that so many take on a slow machine."""
ONE, OTHER = "127.0.0.2", "127.0.0.3"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The gateway's own configuration, before a Pulang that lets a stranger ask once a second."""
    folder = tmp_path_factory.mktemp("gateway")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with up(folder / "data", PULANG_RATE_LIMIT_ADDRESS="1/2", FORWARDED_ALLOW_IPS="127.0.0.1") as pulang:
        upstream = pulang.url.removeprefix("http://")
        names = ("INTAKE", "SHELTER", "AID", "PSYCHOSOCIAL", "EXCHANGE", "KEYCLOAK")
        places = [str(place) for place in caddy(folder).path]
        own = {"HOST": "127.0.0.1", "PORT": str(port), "HOME": str(folder), "WHOLE_BODY": "1s"}
        said = own | dict.fromkeys(names, upstream)
        path = os.pathsep.join([*places, os.environ["PATH"]])
        command = ["caddy", "run", "--config", str(ROOT / "deploy/gateway/Caddyfile"), "--adapter", "caddyfile"]
        process = subprocess.Popen(command, env=os.environ | said | {"PATH": path}, stderr=subprocess.DEVNULL)
        try:
            yield _answering(f"http://127.0.0.1:{port}", process)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _answering(url: str, process: "subprocess.Popen[bytes]") -> str:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/livez", trust_env=False).status_code == 200:
                return url
        except httpx.HTTPError:
            time.sleep(0.05)
    raise AssertionError("the gateway did not start")


def statuses(url: str, address: str, **headers: str) -> list[int]:
    """Of many requests without a token from that address; `{n}` in a header is another number in each."""
    transport = httpx.HTTPTransport(local_address=address)
    with httpx.Client(transport=transport, base_url=url, trust_env=False, timeout=60) as client:
        found = []
        for number in range(MANY):
            sent = {name: value.replace("{n}", str(number)) for name, value in headers.items()}
            found.append(client.get("/intake/cases", headers=sent).status_code)
        return found


def test_each_client_behind_it_has_a_limit_of_their_own(gateway: str) -> None:
    assert 429 in statuses(gateway, ONE)
    with httpx.Client(transport=httpx.HTTPTransport(local_address=OTHER), base_url=gateway, trust_env=False) as client:
        assert client.get("/intake/cases", timeout=60).status_code == 401


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_nobody_from_outside_chooses_their_address(gateway: str, name: str) -> None:
    value = "for=198.51.100.{n}" if name == "Forwarded" else "198.51.100.{n}"
    assert 429 in statuses(gateway, "127.0.0.4", **{name: value})


def test_a_body_that_does_not_come_is_not_waited_for_without_end(gateway: str) -> None:
    """The answer of the service goes out only behind the body, or when its time is over."""
    where = httpx.URL(gateway)
    head = b"POST /intake/cases HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"
    with socket.create_connection((where.host, where.port or 0), timeout=20, source_address=("127.0.0.5", 0)) as wire:
        wire.sendall(head + b"{")
        assert wire.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_services_believe_the_gateway_and_it_alone() -> None:
    """In containers by the address that it has there, which is given to no other."""
    text = (ROOT / "compose.yaml").read_text()
    assert "FORWARDED_ALLOW_IPS: ${NETWORK:-172.30.77}.2${LOCAL_GATEWAY:-}\n" in text
    assert 'networks: {default: {ipv4_address: "${NETWORK:-172.30.77}.2"}}' in text
    assert "ip_range: ${NETWORK:-172.30.77}.128/25" in text
    serving = [one for one in read(ROOT / "compose.yaml", {}) if "serve" in one.command]
    assert [one.environment["FORWARDED_ALLOW_IPS"] for one in serving] == ["172.30.77.2,127.0.0.0/8"] * 5
