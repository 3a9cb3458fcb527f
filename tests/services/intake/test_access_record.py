"""The person's own access record: who saw their identity, when and for what; never which officer."""

import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from services.intake.routes.access_record import prefers_html
from tests.services.intake.story import SHELTER, ShelterVoice, kind, pointers, rows_of
from tests.services.intake.test_consent import consent
from tests.services.intake.test_identity import correct, person, read
from tests.world import Pulang, User

Entry = dict[str, Any]


async def ask(user: User, case: str, purpose: str = "person_request", **more: str) -> httpx.Response:
    return await user.get(f"/intake/cases/{case}/access-record", params={"purpose": purpose} | more)


async def entries(user: User, case: str, **more: str) -> list[Entry]:
    answer = await ask(user, case, **more)
    assert answer.status_code == 200, answer.text
    found: list[Entry] = answer.json()["entries"]
    return found


async def lived(pulang: Pulang) -> str:
    """A person whom the post, IOM and the shelter looked at, and some who were not let."""
    case, shelter = await person(pulang), ShelterVoice(pulang)
    await shelter.opens(time_zone="Asia/Jayapura")
    await read(pulang.officer(), case, "registration")
    await read(pulang.reader("iom"), case, "legal")
    await pulang.officer().done(f"/intake/cases/{case}/consents", consent(("iom", "identified")))
    await read(pulang.reader("iom"), case, "legal")
    await correct(pulang.officer(), case)
    await shelter.accepts(case)
    await read(pulang.staff(), case, "health")
    return case


@pytest.mark.either_database
async def test_it_tells_agency_role_purpose_and_outcome_and_not_who(pulang: Pulang) -> None:
    case = await lived(pulang)
    answer = await ask(pulang.staff(), case, lang="en")
    record = answer.json()
    assert [
        (one["act_title"], one["agency"]["name"], one["roles"], one.get("purpose_title"), one["outcome_title"])
        for one in record["entries"]
    ] == [
        ("Identity written down at registration", "KP2MI/BP2MI", ["Arrival officer"], None, "Done"),
        ("Identity read", "KP2MI/BP2MI", ["Arrival officer"], "Registration", "Done"),
        ("Identity read", "IOM Indonesia", ["Agency reader"], "Legal proceedings", "Refused"),
        ("Identity read", "IOM Indonesia", ["Agency reader"], "Legal proceedings", "Done"),
        ("Identity corrected", "KP2MI/BP2MI", ["Arrival officer"], "Registration", "Done"),
        ("Identity read", "Ministry of Social Affairs", ["Shelter staff"], "Health", "Done"),
    ]
    assert "@" not in answer.text
    assert record["time_zone"] == "Asia/Jayapura"
    assert all(one["at"].endswith("+09:00") for one in record["entries"])
    assert (record["earlier"], "limited_to" in record) == (0, False)
    assert answer.headers["cache-control"] == "no-store"
    indonesian = await entries(pulang.staff(), case)
    assert indonesian[5]["agency"] == {"code": "kemensos", "name": "Kementerian Sosial"}
    assert (indonesian[5]["act_title"], indonesian[5]["purpose_title"]) == ("Identitas dibaca", "Kesehatan")
    assert indonesian[5]["roles"] == ["Petugas shelter"]


async def test_to_ask_for_it_is_noted_and_stands_in_the_next_one(pulang: Pulang) -> None:
    case = await person(pulang)
    assert [one["act"] for one in await entries(pulang.officer(), case)] == ["case.register"]
    assert (await ask(pulang.reader("iom"), case, "legal")).status_code == 403
    assert (await ask(pulang.administrator, case)).status_code == 403
    noted = rows_of(pulang, "SELECT actor, purpose, outcome FROM audit WHERE action = 'access_record.read'")
    assert noted == [
        ("arrival_officer@bp2mi", "person_request", "done"),
        ("reader@iom", "legal", "refused"),
        ("administrator@kemensos", "person_request", "refused"),
    ]
    told = [(one["act"], one["agency"]["code"], one["outcome"]) for one in await entries(pulang.officer(), case)]
    assert told[1:] == [
        ("access_record.read", "bp2mi", "done"),
        ("access_record.read", "iom", "refused"),
        ("access_record.read", "kemensos", "refused"),
    ]


async def test_who_may_print_it(pulang: Pulang) -> None:
    case = await person(pulang)
    unknown = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"
    for user in (pulang.officer(), pulang.user("supervisor", "bp2mi"), pulang.user("supervisor", "bp2mi", "TNJ")):
        assert (await ask(user, case)).status_code == 200
    for user in (
        pulang.officer("CGK"),
        pulang.staff(),
        pulang.user("supervisor", "kemensos"),
        pulang.user("supervisor", "iom", SHELTER),
        pulang.reader("iom"),
    ):
        answer = await ask(user, case)
        assert kind(answer) == (403, "access-record-refused")
        assert answer.json() == (await ask(user, unknown)).json()
    for user in (pulang.user("auditor", "pulang"), pulang.user("counsellor", "kemensos", "TNJ")):
        assert kind(await ask(user, case)) == (403, "not-allowed")


async def test_an_agency_with_consent_is_told_of_its_own_acts_alone(pulang: Pulang) -> None:
    case = await person(pulang)
    both = consent(("iom", "identified"), ("kemensos", "identified"))
    await pulang.officer().done(f"/intake/cases/{case}/consents", both)
    for agency in ("iom", "kemensos"):
        assert (await read(pulang.reader(agency), case, "legal")).status_code == 200
    answer = await ask(pulang.reader("iom"), case, lang="en")
    assert answer.json()["limited_to"] == {"code": "iom", "name": "IOM Indonesia"}
    assert [one["agency"]["code"] for one in answer.json()["entries"]] == ["iom"]
    page = await pulang.reader("iom").get(
        f"/intake/cases/{case}/access-record?purpose=legal&lang=en", headers={"Accept": "text/html"}
    )
    assert "This record holds the access by IOM Indonesia alone." in page.text
    assert "Ministry" not in page.text


async def test_what_cannot_be_asked_says_where(pulang: Pulang) -> None:
    case = await person(pulang)
    for query, pointer in (
        ("", "query.purpose"),
        ("?purpose=curiosity", "query.purpose"),
        ("?purpose=health", "query.purpose"),
        ("?purpose=legal&lang=fr", "query.lang"),
    ):
        answer = await pulang.officer().get(f"/intake/cases/{case}/access-record{query}")
        assert (answer.status_code, pointers(answer)) == (422, [pointer])


class Page(HTMLParser):
    """The tags of a page, and the cells of its table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.cells: list[str] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self._in_cell = tag == "td"

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells.append(data)


@pytest.mark.parametrize(("lang", "title"), [("id", "Catatan akses atas identitas"), ("en", "Record of access")])
async def test_the_page_is_to_be_printed_and_needs_nothing_else(pulang: Pulang, lang: str, title: str) -> None:
    case = await lived(pulang)
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    answer = await pulang.staff().get(
        f"/intake/cases/{case}/access-record?purpose=person_request&lang={lang}", headers=browser
    )
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-language"] == lang
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert f'<html lang="{lang}">' in answer.text
    assert title in answer.text
    assert case in answer.text
    page = Page(answer.text)
    assert not {"script", "link", "img", "iframe", "a", "form"} & set(page.tags)
    assert set(page.attributes) <= {"lang", "charset", "scope"}
    assert len(page.cells) == 6 * 6
    last = page.cells[-6:]
    pattern = r"\d{1,2} \w+ \d{4}, \d\d\.\d\d WIT" if lang == "id" else r"\d{1,2} \w+ \d{4}, \d\d:\d\d WIT"
    assert re.fullmatch(pattern, last[0]), last[0]
    assert last[1:] == (
        ["Identitas dibaca", "Kementerian Sosial", "Petugas shelter", "Kesehatan", "Dilakukan"]
        if lang == "id"
        else ["Identity read", "Ministry of Social Affairs", "Shelter staff", "Health", "Done"]
    )
    assert "Contoh" not in answer.text
    assert "@" not in re.sub(r"<style>.*?</style>", "", answer.text, flags=re.DOTALL)


async def test_agencies_and_roles_that_nobody_has_words_for(pulang: Pulang) -> None:
    case = await person(pulang)
    await read(pulang.user("<b>role</b>", "unicef"), case, "legal")
    (told,) = [one for one in await entries(pulang.officer(), case) if one["act"] == "identity.read"]
    assert (told["agency"], told["roles"]) == ({"code": "unicef", "name": "unicef"}, [])


def test_a_page_for_whoever_asks_for_one() -> None:
    assert prefers_html("text/html")
    assert prefers_html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
    assert prefers_html("application/json;q=0.5, TEXT/HTML;q=0.8")
    for accept in ("", "*/*", "application/json", "text/html;q=0", "application/json, text/html", "text/html;q=x"):
        assert not prefers_html(accept), accept


@pytest.mark.either_database
async def test_a_flood_of_refusals_is_one_entry_and_hides_no_read(pulang: Pulang) -> None:
    case = await person(pulang)
    await read(pulang.officer(), case, "registration")
    for _ in range(7):
        assert (await read(pulang.reader("iom"), case, "legal")).status_code == 403
    assert (await read(pulang.reader("iom"), case, "health")).status_code == 403
    for _ in range(2):
        await read(pulang.officer(), case, "registration")
    found = await entries(pulang.officer(), case)
    told = [(one["agency"]["code"], one.get("purpose"), one["outcome"], one["times"]) for one in found]
    assert told == [
        ("bp2mi", None, "done", 1),
        ("bp2mi", "registration", "done", 1),
        ("iom", "legal", "refused", 7),
        ("iom", "health", "refused", 1),
        ("bp2mi", "registration", "done", 1),
        ("bp2mi", "registration", "done", 1),
    ]
    assert ["until" in one for one in found] == [False, False, True, False, False, False]
    assert (await ask(pulang.officer(), case)).json()["earlier"] == 0
    # Each stands in the audit log nevertheless.
    assert len(rows_of(pulang, "SELECT 1 FROM audit WHERE outcome = 'refused'")) == 8
    page = await pulang.officer().get(
        f"/intake/cases/{case}/access-record?purpose=person_request", headers={"accept": "text/html"}
    )
    assert "(7×)" in page.text
