"""A running server at its edge: heads that end, no word of what it is made of, and a log without secrets."""

import base64
import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from pulang.heads import REFUSAL, TOO_SLOW, bounded
from shared.security.tokens import DevelopmentIssuer
from shared.settings import Environment, KafkaSettings, Replica, SettingInvalid, Settings, Stores
from tests.system.command import up

PLAIN_WORD = "kata-sandi-rahasia"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with up(tmp_path_factory.mktemp("edge") / "data") as one:
        yield one.url


def answered(address: str, *parts: bytes) -> bytes:
    """What comes back, until the server closes the connection."""
    where = urlsplit(address)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=20) as wire:
        got = b""
        try:
            for part in parts:
                wire.sendall(part)
            while more := wire.recv(65536):
                got += more
        except ConnectionError:
            pass
        return got


def test_it_does_not_say_what_it_is_made_of(address: str) -> None:
    for path in ("/livez", "/docs", "/intake/cases", "/nothing"):
        answer = httpx.get(address + path, trust_env=False, timeout=30)
        assert "server" not in answer.headers
        assert not re.search("uvicorn|starlette|python", str(answer.headers), re.IGNORECASE)


def test_a_head_that_never_ends_is_cut_off(address: str) -> None:
    begun = b"GET /livez HTTP/1.1\r\nhost: x\r\nx: "
    endless = (b"x" * 4096 for _ in range(10_000))
    # Where we still send when it closes, its answer is lost on the way.
    assert answered(address, begun, *endless) in (REFUSAL, b"")
    many = (b"x-%d: y\r\n" % number for number in range(200_000))
    assert b"200 OK" not in answered(address, begun + b"\r\n", *many)
    path = (b"/" + b"x" * 4096 for _ in range(1000))
    assert b"200 OK" not in answered(address, b"GET ", *path)


def test_the_refusal_is_a_problem() -> None:
    head, _, body = REFUSAL.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert f"content-length: {len(body)}".encode() in head
    assert json.loads(body)["status"] == 431


def test_a_head_of_usual_size_and_one_after_the_other(address: str) -> None:
    one = b"GET /livez HTTP/1.1\r\nhost: x\r\nx: " + b"x" * 8000 + b"\r\n"
    many = one + b"\r\n"
    got = answered(address, *(many for _ in range(20)), one + b"connection: close\r\n\r\n")
    assert got.count(b"HTTP/1.1 200 OK") == 21


@pytest.mark.parametrize("authorization", [b"", b"authorization: Bearer a.b.c\r\n"])
def test_who_is_not_let_in_is_told_so_before_they_send_a_body(address: str, authorization: bytes) -> None:
    head = b"POST /intake/manifests HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    got = answered(address, head + authorization + b"content-length: 4000000\r\nconnection: close\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 401 ")


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that waits for a second."""
    with up(tmp_path_factory.mktemp("slow") / "data", PULANG_HEAD_SECONDS="1", PULANG_BODY_SECONDS="1") as one:
        token = DevelopmentIssuer(Settings(one.data).keys).issue("bp2mi", "arrival_officer", ["TNJ"])
        yield f"{one.url}#{token}"


def test_who_sends_half_of_a_head_is_not_waited_for(impatient: str) -> None:
    url = impatient.partition("#")[0]
    assert answered(url, b"GET /livez HTTP/1.1\r\nhost: x\r\nx: ") == TOO_SLOW
    whole = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
    got = answered(url, whole + b"GET /li")
    assert got.startswith(b"HTTP/1.1 200 OK")
    assert got.endswith(TOO_SLOW)


def test_who_does_not_go_on_with_a_body_is_not_waited_for(impatient: str) -> None:
    url, _, token = impatient.partition("#")
    head = f"POST /intake/cases HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n".encode()
    announced = head + b"content-type: application/json\r\ncontent-length: 1000\r\n\r\n" + b'{"name":'
    chunked = head + b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n"
    for begun in (announced, chunked):
        assert answered(url, begun) == TOO_SLOW
    # Who was answered before its body was whole is not listened to any further, either.
    refused = announced.replace(b"Bearer ", b"Bearer x")
    got = answered(url, refused)
    assert got.startswith(b"HTTP/1.1 401 ")
    assert TOO_SLOW not in got


def test_times_that_cannot_be_meant_are_refused() -> None:
    for name in ("PULANG_HEAD_SECONDS", "PULANG_BODY_SECONDS"):
        for wrong in ("0", "-1", "1.5", "soon", "99999"):
            with pytest.raises(SettingInvalid, match=name):
                bounded(Environment({name: wrong}))
    for nothing in ({}, {"PULANG_HEAD_SECONDS": "", "PULANG_BODY_SECONDS": ""}):
        usual = bounded(Environment(nothing))
        assert (usual.head_seconds, usual.body_seconds) == (10, 30)


def test_the_answer_to_who_is_too_slow_is_a_problem() -> None:
    head, _, body = TOO_SLOW.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head
    assert json.loads(body)["status"] == 408


def secrets_of(data: Path) -> set[bytes]:
    """Every key of a data folder, in the ways in which one could be written."""
    found = set()
    for path in (data / "keys").rglob("*"):
        if path.is_file() and not path.name.endswith((".db", ".db-wal", ".db-shm")):
            content = path.read_bytes().strip()
            found |= {content, base64.b64encode(content), content.hex().encode()}
            found |= {line for line in content.splitlines() if len(line) > 20 and not line.startswith(b"-----")}
    return {one for one in found if len(one) > 10}


def test_no_secret_stands_in_the_log_at_any_level(tmp_path: Path) -> None:
    """Tokens that are good, forged, expired or in the wrong place; passwords in headers; an error nobody foresaw."""
    data = tmp_path / "data"
    with up(data, PULANG_LOG="debug") as one:
        tokens = _traffic(Settings(data), one.url)
    told = (tmp_path / "up.log").read_bytes()
    assert told.count(b'"event":"request"') >= 12
    assert b'"event":"unforeseen"' in told
    for secret in secrets_of(data) | {part.encode() for token in tokens for part in token.split(".")}:
        assert secret not in told, secret[:8]
    assert PLAIN_WORD.encode() not in told


def _traffic(settings: Settings, address: str) -> list[str]:
    good = DevelopmentIssuer(settings.keys).issue("kemensos", "administrator")
    header, payload, signature = good.split(".")
    tokens = [good, f"{header}.{payload}.{signature[::-1]}", f"{PLAIN_WORD}.{payload}.{signature}", PLAIN_WORD]
    with httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
        for token in tokens:
            for scheme in ("Bearer", "Basic", "Token"):
                client.get("/shelter/facilities", headers={"Authorization": f"{scheme} {token}"})
            client.get(f"/shelter/facilities?access_token={token}&password={PLAIN_WORD}")
        client.get("/shelter/facilities", auth=("someone", PLAIN_WORD), headers={"Cookie": f"s={PLAIN_WORD}"})
        # What nobody foresaw: a name that is no text, beneath the service.
        authorization = {"Authorization": f"Bearer {good}"}
        particulars = {"name": "Shelter", "agency": "kemensos", "regency": "21.72", "time_zone": "Asia/Jakarta"}
        body = particulars | {"rooms": [{"name": "F1", "type": "female", "beds": 1}]}
        opened = client.put("/shelter/facilities/RPTC-X", json=body, headers=authorization)
        assert opened.status_code == 200, opened.text
        with sqlite3.connect(settings.database("shelter"), timeout=30) as file:
            file.execute("UPDATE facilities SET name = X'ff'")
        file.close()
        assert client.get("/shelter/facilities", headers=authorization).status_code == 500
    return tokens


def test_settings_tell_no_secret_of_theirs() -> None:
    kafka = KafkaSettings("kafka:9092", user="intake", password=PLAIN_WORD)
    stores = Stores(f"postgresql://intake:{PLAIN_WORD}@host/intake", f"postgresql://keys:{PLAIN_WORD}@host/keys")
    replica = Replica(stores, PLAIN_WORD, PLAIN_WORD, kafka, issuer="https://issuer", issuer_url="https://issuer")
    for shown in (repr(replica), str(replica), f"{replica!r}", repr(replace(kafka, user="x"))):
        assert PLAIN_WORD not in shown
