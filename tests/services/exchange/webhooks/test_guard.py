"""The guard at work: at registration, and at each connection, whatever the name says by then."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from services.exchange.webhooks.addresses import Network, networks_in
from services.exchange.webhooks.line import Line, refusal_of
from services.exchange.webhooks.naming import Names
from services.exchange.webhooks.settings import WebhookSettings
from services.exchange.webhooks.url import target_of
from shared.settings import Settings
from tests.real.certificates import Authority
from tests.services.exchange.hearing import Narrator, new_id
from tests.services.exchange.webhooks.receiving import (
    HOST,
    Heard,
    Resolver,
    receiving,
    says,
    site,
    thanks,
)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://127.0.0.1/", "leads to an address that is not public"),
        ("https://169.254.169.254/latest", "leads to an address that is not public"),
        ("https://[::ffff:10.0.0.1]/", "leads to an address that is not public"),
        ("https://[64:ff9b::a00:1]/", "leads to an address that is not public"),
        ("https://inside.example.org/", "leads to an address that is not public"),
        ("https://mixed.example.org/", "leads to an address that is not public"),
        ("https://localhost/", "leads to an address that is not public"),
        ("https://nowhere.example.org/", "has a host whose address cannot be found"),
        ("https://u:p@receiver.example.org/", "must not hold a user or a password"),
        ("http://receiver.example.org/", "must begin with https://"),
    ],
)
async def test_registration_refuses_what_is_inside(url: str, why: str, settings: Settings, tmp_path: Path) -> None:
    async with site(settings, tmp_path, allow=()) as place:
        place.resolver.names |= {
            "inside.example.org": [["10.1.2.3"]],
            "mixed.example.org": [["93.184.216.34", "fd00::1"]],
            "localhost": [["127.0.0.1", "::1"]],
        }
        refused = await place.partner().ask("POST", json={"url": url})
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/url-not-possible"), refused.text
        assert refused.json()["detail"].startswith(why)
        assert refused.json()["errors"][0]["pointer"] == "#/url"
        place.resolver.names[HOST] = [["93.184.216.34"]]
        webhook = await place.partner().register(f"https://{HOST}/")
        changed = await place.partner().ask("PATCH", f"/{webhook['id']}", json={"url": url}, headers={"if-match": "*"})
        assert changed.status_code == 422


async def test_a_name_that_leads_inside_after_its_registration_is_not_followed(
    settings: Settings, tmp_path: Path, narrator: Narrator
) -> None:
    """DNS rebinding: the receiver is on this machine, which is no public address, and would answer."""
    async with site(settings, tmp_path, allow=()) as place:
        place.resolver.names[HOST] = [["93.184.216.34"], ["127.0.0.1"]]
        webhook = await place.partner().register(place.receiver.url())
        case = new_id()
        await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
        await place.partner().until(webhook["id"], lambda one: one["messages"]["retrying"] == 1)
        (failed,) = await place.partner().deliveries(webhook["id"], state="retrying")
        assert failed["outcome"] == "refused"
        assert "status" not in failed
        pinged = await place.partner().done("POST", f"/{webhook['id']}/ping")
        assert (pinged["delivered"], pinged["outcome"]) == (False, "refused")
        assert place.receiver.heard == []


async def test_the_last_look_is_at_the_address_that_is_connected_to(tmp_path: Path) -> None:
    """The resolver is passed by: what it found is good, what is connected to is not."""
    authority = Authority()
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority.pem)
    async with receiving(authority) as receiver:
        settings = WebhookSettings(ca=ca, look_up=Resolver({HOST: [["127.0.0.1"]]}))

        async def believing(self: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, object]]:
            return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 6, "flags": 4}]

        line = Line(settings)
        session = line._open()
        session.connector._resolver = type("Believing", (), {"resolve": believing, "close": None})()  # type: ignore[union-attr]
        assert (await line.post(target_of(receiver.url()), {}, b"{}")).outcome == "refused"
        assert (await line.post(target_of(receiver.url(host="127.0.0.1")), {}, b"{}")).outcome == "refused"
        await line.close()
        assert receiver.heard == []


async def test_a_redirect_is_an_answer_and_nothing_more(tmp_path: Path) -> None:
    authority = Authority()
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority.pem)
    async with receiving(authority) as inside, receiving(authority) as receiver:
        place = Resolver({HOST: [["127.0.0.1"]]})
        settings = WebhookSettings(ca=ca, look_up=place, allow=_loopback())
        receiver.answer = says(307, location=inside.url())
        line = Line(settings)
        result = await line.post(target_of(receiver.url()), {}, b"{}")
        await line.close()
        assert (result.outcome, result.status) == ("redirect", 307)
        assert len(receiver.heard) == 1
        assert inside.heard == []


async def test_a_certificate_for_another_name_or_of_nobody_is_refused(tmp_path: Path) -> None:
    authority = Authority()
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority.pem)
    names = Resolver({HOST: [["127.0.0.1"]], "other.example.org": [["127.0.0.1"]]})
    async with receiving(authority) as receiver, receiving(Authority()) as stranger:
        line = Line(WebhookSettings(ca=ca, look_up=names, allow=_loopback()))
        assert (await line.post(target_of(receiver.url()), {}, b"{}")).outcome == "delivered"
        assert (await line.post(target_of(receiver.url(host="other.example.org")), {}, b"{}")).outcome == "tls"
        assert (await line.post(target_of(stranger.url()), {}, b"{}")).outcome == "tls"
        await line.close()
        assert (len(receiver.heard), len(stranger.heard)) == (1, 0)


async def test_an_answer_of_any_length_is_read_no_further_than_a_little(tmp_path: Path) -> None:
    authority = Authority()
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority.pem)
    written = []

    async def flood() -> AsyncIterator[bytes]:
        while True:
            written.append(1)
            yield b"x" * 65_536

    async def endless(heard: Heard) -> web.Response:
        return web.Response(status=200, body=flood())

    async with receiving(authority) as receiver:
        line = Line(WebhookSettings(ca=ca, look_up=Resolver({HOST: [["127.0.0.1"]]}), allow=_loopback()))
        receiver.answer = endless
        assert (await line.post(target_of(receiver.url()), {}, b"{}")).outcome == "delivered"
        receiver.answer = thanks
        assert (await line.post(target_of(receiver.url()), {}, b"{}")).outcome == "delivered"
        await line.close()
        assert len(written) < 1000


async def test_no_proxy_of_the_environment_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    authority = Authority()
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority.pem)
    async with receiving(authority) as receiver:
        line = Line(WebhookSettings(ca=ca, look_up=Resolver({HOST: [["127.0.0.1"]]}), allow=_loopback()))
        assert (await line.post(target_of(receiver.url()), {}, b"{}")).delivered
        await line.close()


async def test_the_systems_own_resolver_is_asked_and_its_answer_judged() -> None:
    names = Names()
    assert await refusal_of(target_of("https://localhost/"), WebhookSettings(), names) is not None
    allowed = dataclasses.replace(WebhookSettings(), allow=_loopback(both=True))
    assert await refusal_of(target_of("https://localhost/"), allowed, names) is None


def _loopback(both: bool = False) -> tuple[Network, ...]:
    return networks_in("127.0.0.0/8 ::1/128" if both else "127.0.0.0/8")
