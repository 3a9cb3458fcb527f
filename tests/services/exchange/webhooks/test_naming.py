"""Names are looked up where a silent name server holds up nobody but who asked for it."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.settings import Settings
from tests.services.exchange.hearing import Narrator
from tests.services.exchange.webhooks.receiving import HOST, hangs, site, thanks

MANY = 18


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Once it is set, the name servers of `silent-*` say nothing any more."""
    silent, over, ask = threading.Event(), threading.Event(), socket.getaddrinfo

    def answer(host: Any, *rest: Any, **more: Any) -> Any:
        name = str(host)
        if name.startswith("silent-") and silent.is_set():
            over.wait(60)
        return ask("127.0.0.1" if name.endswith(".example.org") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    yield silent
    over.set()


async def test_silent_name_servers_of_one_agency_hold_up_no_other(
    settings: Settings, tmp_path: Path, narrator: Narrator, silence: threading.Event
) -> None:
    async with site(settings, tmp_path, look_up=None) as place:
        iom, kemensos = place.partner("iom"), place.partner("kemensos")
        for number in range(MANY):
            await iom.register(place.receiver.url(f"/silent/{number}", host=f"silent-{number}.example.org"))
        await iom.register(place.receiver.url("/iom"))
        theirs = await kemensos.register(place.receiver.url("/kemensos"))
        silence.set()
        await place.exchange.hear(narrator.opened("RPTC-A", "kemensos"))
        await place.receiver.until(lambda one: {"/iom", "/kemensos"} <= {heard.path for heard in one.accepted})
        assert (await kemensos.done("POST", f"/{theirs['id']}/ping"))["delivered"] is True
        again = {"url": place.receiver.url("/again", host=HOST)}
        assert (await kemensos.ask("POST", json=again)).status_code == 201
        shown = await kemensos.show(theirs["id"])
        assert "failing_since" not in shown


async def test_pings_of_one_agency_hold_up_no_other(settings: Settings, tmp_path: Path) -> None:
    async with site(settings, tmp_path) as place:
        hers = await place.partner("iom").register(place.receiver.url("/iom"))
        theirs = await place.partner("kemensos").register(place.receiver.url("/kemensos"))

        async def one_hangs(heard: Any) -> Any:
            return await (hangs if heard.path == "/iom" else thanks)(heard)

        place.receiver.answer = one_hangs
        pings = [asyncio.create_task(place.partner("iom").ask("POST", f"/{hers['id']}/ping")) for _ in range(8)]
        await place.receiver.until(lambda one: any(heard.path == "/iom" for heard in one.heard))
        pinged = await asyncio.wait_for(place.partner("kemensos").done("POST", f"/{theirs['id']}/ping"), 10)
        assert pinged["delivered"] is True
        assert not any(one.done() for one in pings)
        for one in pings:
            one.cancel()
        await asyncio.gather(*pings, return_exceptions=True)
