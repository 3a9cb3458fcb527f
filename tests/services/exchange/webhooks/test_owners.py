"""Whose a webhook is, what is shown of it, and that its secrets stand nowhere in clear."""

import time
from typing import Any

import jwt
import pytest

from shared.security.tokens import DevelopmentIssuer
from shared.settings import Settings
from tests.services.exchange.hearing import Narrator, new_id
from tests.services.exchange.webhooks.receiving import Site, nothing_open, says
from tests.stores import Chosen

OTHERS = [
    ("GET", "", None),
    ("PATCH", "", {"event_types": None}),
    ("DELETE", "", None),
    ("GET", "/keys", None),
    ("POST", "/secret/rotate", {}),
    ("POST", "/disable", None),
    ("POST", "/enable", None),
    ("POST", "/ping", None),
    ("POST", "/replay", {"exhausted": True}),
    ("POST", "/skip", {"message": "msg_" + "a" * 26}),
    ("GET", "/deliveries", None),
]


def options(body: Any) -> dict[str, Any]:
    return {"headers": {"if-match": "*"}} | ({} if body is None else {"json": body})


@pytest.mark.parametrize(("method", "path", "body"), OTHERS)
async def test_another_agencys_webhook_is_not_there(method: str, path: str, body: Any, place: Site) -> None:
    webhook = await place.partner("iom").register(place.receiver.url())
    refused = await place.partner("bp2mi").ask(method, f"/{webhook['id']}{path}", **options(body))
    assert (refused.status_code, refused.json()["type"]) == (404, "/problems/webhook-unknown"), refused.text
    assert (await place.partner("bp2mi").done("GET"))["items"] == []
    assert (await place.partner("iom").show(webhook["id"]))["state"] == "enabled"
    assert place.receiver.heard == []


@pytest.mark.parametrize(
    ("method", "path", "body"), [one for one in OTHERS if one[1] not in ("", "/keys", "/disable") or one[0] == "DELETE"]
)
async def test_an_administrator_sees_and_disables_others_and_does_nothing_else(
    method: str, path: str, body: Any, place: Site
) -> None:
    webhook = await place.partner("iom").register(place.receiver.url("/secret-path"))
    administrator = place.partner("kemensos", "administrator")
    refused = await administrator.ask(method, f"/{webhook['id']}{path}", **options(body))
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/only-its-owner"), refused.text
    (shown,) = (await administrator.done("GET"))["items"]
    assert shown["url"] == "https://receiver.example.org/…"
    assert "secret-path" not in str(shown)


async def test_what_an_administrator_disabled_only_an_administrator_enables(place: Site, narrator: Narrator) -> None:
    webhook = await place.partner("iom").register(place.receiver.url())
    administrator = place.partner("kemensos", "administrator")
    shown = await administrator.done("POST", f"/{webhook['id']}/disable")
    assert (shown["state"], shown["disabled_because"]) == ("disabled", "administrator")
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    refused = await place.partner("iom").ask("POST", f"/{webhook['id']}/enable")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/disabled-by-administrator")
    assert place.receiver.heard == []
    await administrator.done("POST", f"/{webhook['id']}/enable")
    await place.receiver.until_accepted(2)


def limited(settings: Settings, agency: str, *types: str) -> str:
    """A token that is limited to some types of events."""
    now = int(time.time())
    claims = {
        "iss": "pulang-development",
        "aud": "pulang",
        "sub": "somebody",
        "agency": agency,
        "roles": ["integrator"],
        "iat": now,
        "exp": now + 600,
        "scope": " ".join(f"events:{one}" for one in types),
    }
    return jwt.encode(claims, DevelopmentIssuer(settings.keys)._key, algorithm="EdDSA")


async def test_a_token_that_is_limited_to_types_subscribes_to_no_others(
    place: Site, settings: Settings, narrator: Narrator
) -> None:
    screened, stays = "pulang.case.screened.v1", "pulang.stay.checked_in.v1"
    wide = await place.partner("iom").register(place.receiver.url("/wide"))
    partner = place.partner("iom", token=limited(settings, "iom", screened))
    refused = await partner.ask("POST", json={"url": place.receiver.url(), "event_types": [screened, stays]})
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/type-not-yours")
    own = await partner.register(place.receiver.url("/own"))
    assert own["event_types"] == [screened]
    for types in (None, [stays]):
        refused = await partner.ask("PATCH", f"/{own['id']}", **options({"event_types": types}))
        assert refused.status_code == 403
    # With another address it would be sent what its token is not for.
    refused = await partner.ask("PATCH", f"/{wide['id']}", **options({"url": place.receiver.url("/stolen")}))
    assert refused.status_code == 404
    assert [one["id"] for one in (await partner.done("GET"))["items"]] == [own["id"]]
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    await place.exchange.hear(narrator.screened(case))
    await place.partner("iom").until(own["id"], nothing_open)
    assert [heard.type for heard in place.receiver.accepted if heard.path == "/own"] == ["case.screened"]


async def test_a_change_must_match_the_version_that_was_read(place: Site) -> None:
    partner = place.partner()
    webhook = await partner.register(place.receiver.url())
    path = f"/{webhook['id']}"
    assert (await partner.ask("PATCH", path, json={"event_types": None})).status_code == 428
    assert (await partner.ask("DELETE", path)).status_code == 428
    etag = (await partner.ask("GET", path)).headers["etag"]
    changed = await partner.ask(
        "PATCH", path, json={"event_types": ["pulang.case.screened.v1"]}, headers={"if-match": etag}
    )
    assert changed.json()["event_types"] == ["pulang.case.screened.v1"]
    assert (await partner.ask("DELETE", path, headers={"if-match": etag})).status_code == 412
    gone = await partner.ask("DELETE", path, headers={"if-match": changed.headers["etag"]})
    assert gone.json() == {"id": webhook["id"], "state": "deleted"}
    assert (await partner.ask("GET", path)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "https://x.example.org/", "event_types": []},
        {"url": "https://x.example.org/", "event_types": ["pulang.case.unheard_of.v1"]},
        {"url": "https://x.example.org/", "agency": "bp2mi"},
        {"url": "https://x.example.org/", "state": "disabled"},
        {"url": 5},
    ],
)
async def test_bad_bodies_are_refused(body: Any, place: Site) -> None:
    assert (await place.partner().ask("POST", json=body)).status_code == 422


async def test_an_agency_has_only_so_many(place: Site) -> None:
    for number in range(20):
        await place.partner().register(place.receiver.url(f"/{number}"))
    refused = await place.partner().ask("POST", json={"url": place.receiver.url()})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/too-many-webhooks")
    await place.partner("bp2mi").register(place.receiver.url())


@pytest.mark.either_database
@pytest.mark.usefixtures("database")
async def test_secrets_and_addresses_stand_nowhere_in_clear(
    settings: Settings, place: Site, capsys: pytest.CaptureFixture[str], narrator: Narrator
) -> None:
    key = {"idempotency-key": "once"}
    body = {"url": place.receiver.url("/path-with-a-token")}
    first = await place.partner().ask("POST", json=body, headers=key)
    assert first.headers["cache-control"] == "no-store"
    secret = first.json()["secret"]
    again = await place.partner().ask("POST", json=body, headers=key)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    place.receiver.answer = says(500)
    case = new_id()
    await place.exchange.hear(narrator.registered(case), narrator.consent(case, iom="pseudonymous"))
    webhook = first.json()["id"]
    await place.partner().until(webhook, lambda one: one["messages"]["retrying"] == 1)
    rotated = await place.partner().ask("POST", f"/{webhook}/secret/rotate", json={}, headers={"idempotency-key": "r"})
    assert rotated.json()["secret"] != secret
    # The first answer once more: its secret was shown, and is no longer the one.
    assert "secret" not in (await place.partner().ask("POST", json=body, headers=key)).json()
    assert "secret" not in await place.partner().show(webhook)

    stored = ""
    for table in ("answers", "webhook_endpoints", "webhook_secrets", "webhook_messages", "audit", "events"):
        stored += str(Chosen.databases.rows(settings, "exchange", f"SELECT * FROM {table}"))
    said = capsys.readouterr()
    for hidden in (secret, secret.removeprefix("whsec_"), rotated.json()["secret"], "path-with-a-token", "whsk_"):
        assert hidden not in stored
        assert hidden not in said.out + said.err


async def test_an_administrator_disables_a_host_in_whichever_webhook_it_stands(place: Site, narrator: Narrator) -> None:
    iom, administrator = place.partner(), place.partner("kemensos", "administrator")
    one, two, three = [await iom.register(place.receiver.url(path)) for path in ("/one", "/two", "/three")]
    await iom.done("POST", f"/{three['id']}/disable")
    await administrator.done("POST", f"/{one['id']}/disable")
    for webhook in (one, two, three):
        refused = await iom.ask("POST", f"/{webhook['id']}/enable")
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/disabled-by-administrator")
        assert (await iom.show(webhook["id"]))["state"] == "disabled"
    # With one that is enabled again the others are their owner's.
    await administrator.done("POST", f"/{two['id']}/enable")
    states = [(await iom.show(webhook["id"]))["state"] for webhook in (one, two, three)]
    assert states == ["disabled", "enabled", "disabled"]
    assert (await iom.done("POST", f"/{three['id']}/enable"))["state"] == "enabled"


async def test_what_an_administrator_disabled_is_not_made_again(place: Site) -> None:
    iom, administrator = place.partner(), place.partner("kemensos", "administrator")
    webhook = await iom.register(place.receiver.url("/one"))
    await administrator.done("POST", f"/{webhook['id']}/disable")
    etag = (await iom.ask("GET", f"/{webhook['id']}")).headers["etag"]
    place.resolver.names["elsewhere.example.org"] = [["127.0.0.1"]]
    elsewhere = place.receiver.url(host="elsewhere.example.org")
    other = await iom.register(elsewhere)
    other_etag = (await iom.ask("GET", f"/{other['id']}")).headers["etag"]
    for method, path, more in (
        ("DELETE", f"/{webhook['id']}", {"headers": {"if-match": etag}}),
        ("PATCH", f"/{webhook['id']}", {"headers": {"if-match": etag}, "json": {"url": elsewhere}}),
        ("POST", "", {"json": {"url": place.receiver.url("/two")}}),
        ("PATCH", f"/{other['id']}", {"headers": {"if-match": other_etag}, "json": {"url": place.receiver.url()}}),
    ):
        refused = await iom.ask(method, path, **more)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/disabled-by-administrator"), method
    await place.partner("kemensos").register(place.receiver.url())  # another agency's way there is its own
    await administrator.done("POST", f"/{webhook['id']}/enable")
    etag = (await iom.ask("GET", f"/{webhook['id']}")).headers["etag"]
    assert (await iom.ask("DELETE", f"/{webhook['id']}", headers={"if-match": etag})).status_code == 200
    await iom.register(place.receiver.url("/two"))
