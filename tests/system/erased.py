"""A person's whole way through every service, and what stands of it in the files of a data folder."""

import sqlite3
from contextlib import closing
from typing import Any

from shared.settings import Settings
from tests.services.intake.erasing import supervisor
from tests.services.intake.test_consent import consent
from tests.services.psychosocial.care import PINANG, check_in, counsellor, session
from tests.world import Pulang

NAME, NIK, PHONE = "Kenanga Melati Wulandari", "3507125705900077", "+62 811 777 666 555"
SOMEBODY_ELSE: dict[str, Any] = {"name": "Nama Lain", "nik": "3507125705900078", "document": None, "phone": None}
NOTE, CIRCUMSTANCES, CASEFILE = "Mimpi tentang laut yang gelap", "Diancam oleh calo di dermaga", "Perkara kenanga 77"
WITNESS = "Saksi Cempaka Ningsih"
PLAIN = (NAME, "Kenanga", NIK, "811 777 666", NOTE, CIRCUMSTANCES, CASEFILE, WITNESS, "Nama Lama Kenanga")
PERSON = {
    "name": "Nama Lama Kenanga",
    "sex": "F",
    "birth_date": "1990-05-17",
    "nik": NIK,
    "document": {"type": "SPLP", "number": "XK777"},
    "origin_regency": "35.07",
    "destination_country": "MY",
    "phone": PHONE,
}
SEALED = {
    "intake": (
        "SELECT name FROM identities WHERE case_id = :case",
        "SELECT birth_date FROM identities WHERE case_id = :case",
        "SELECT nik FROM identities WHERE case_id = :case",
        "SELECT document FROM identities WHERE case_id = :case",
        "SELECT phone FROM identities WHERE case_id = :case",
        "SELECT fingerprint FROM identities WHERE case_id = :case AND fingerprint IS NOT NULL",
        "SELECT token FROM blind_tokens WHERE case_id = :case",
        "SELECT circumstances FROM screenings WHERE case_id = :case",
        "SELECT witness FROM consent_records WHERE case_id = :case",
        "SELECT note FROM legal_holds WHERE case_id = :case",
        "SELECT staged FROM manifest_rows WHERE known_case = :case",
    ),
    "psychosocial": ("SELECT note FROM sessions WHERE case_id = :case AND note IS NOT NULL",),
}
KEYS = {
    "intake": "SELECT key_id FROM cases WHERE case_id = :case"
    " UNION SELECT key_id FROM manifest_rows WHERE known_case = :case",
    "psychosocial": "SELECT key_id FROM case_keys WHERE case_id = :case",
}


async def open_places(pulang: Pulang) -> None:
    await pulang.open_post()
    await pulang.open_shelter(PINANG)


async def lived_through(pulang: Pulang, **more: Any) -> str:
    """Registered, corrected, screened, with consent and a hold that was lifted, a stay and a session; the case id."""
    officer, chief = pulang.officer(), supervisor(pulang)
    case = await pulang.register(**PERSON | {"id": session("")["id"]} | more)
    tag = {"If-Match": '"1"'}
    right = {field: PERSON[field] for field in ("birth_date", "nik", "document", "phone")} | {"name": NAME} | more
    corrected = await officer.put(f"/intake/cases/{case}/identity", right, headers=tag)
    assert corrected.status_code == 200, corrected.text
    finding = {"trafficking_status": "ActualVictimOfTrafficking", "occurred_at": "2026-11-03", "note": CIRCUMSTANCES}
    await officer.done(f"/intake/cases/{case}/screenings", finding)
    agreed = consent(("iom", "identified"), ("kemensos", "pseudonymous"), witness=WITNESS)
    keyed = {"Idempotency-Key": case}
    assert (await officer.post(f"/intake/cases/{case}/consents", agreed, headers=keyed)).status_code == 201
    hold = await chief.done(f"/intake/cases/{case}/legal-holds", {"reason": "prosecution", "note": CASEFILE})
    path = f"/intake/cases/{case}/legal-holds/{hold['hold_id']}/lifting"
    await chief.done(path, {"reason": "proceedings_ended", "note": CASEFILE})
    await check_in(pulang, case)
    written = {"sessions": [session(case, note=NOTE)]}
    keyed = {"Idempotency-Key": case}
    assert (await counsellor(pulang).post("/psychosocial/sessions", written, headers=keyed)).status_code == 201
    await pulang.settled()
    return case


def traces_of(settings: Settings, case: str) -> set[bytes]:
    """Every sealed value and token of the case, and the wrapped keys that open them."""
    found: set[bytes] = set()
    for service, queries in SEALED.items():
        with closing(sqlite3.connect(settings.database(service))) as file:
            for query in queries:
                found |= {value for (value,) in file.execute(query, {"case": case}) if value is not None}
            keys = [key for (key,) in file.execute(KEYS[service], {"case": case})]
        with closing(sqlite3.connect(settings.key_store(service))) as store:
            for key in keys:
                rows = store.execute("SELECT wrapped FROM data_key WHERE key_id = ?", (key,))
                found |= {wrapped for (wrapped,) in rows}
    return found


def key_is_there(settings: Settings, service: str, key: str) -> bool:
    with closing(sqlite3.connect(settings.key_store(service))) as store:
        return bool(store.execute("SELECT 1 FROM data_key WHERE key_id = ? AND kek_id IS NOT NULL", (key,)).fetchone())


def keys_of(settings: Settings, service: str, case: str) -> list[str]:
    with closing(sqlite3.connect(settings.database(service))) as file:
        return [key for (key,) in file.execute(KEYS[service], {"case": case})]


def in_the_files(settings: Settings, wanted: set[bytes]) -> dict[bytes, list[str]]:
    """Which of them stand in any file under the data folder, and where."""
    found: dict[bytes, list[str]] = {}
    for path in sorted(settings.data.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            for one in wanted:
                if one in content:
                    found.setdefault(one, []).append(path.name)
    return found
