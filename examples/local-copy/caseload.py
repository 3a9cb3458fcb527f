"""A local copy of a caseload: everything that an agency may see, in a SQLite file, in step with Pulang.

    PULANG_URL=https://pulang.example PULANG_TOKEN=... python examples/local-copy/caseload.py caseload.db

Killed at any moment it goes on where the file says that it is. Copy it, and change the tables to yours.
"""

import argparse
import logging
import os
import sqlite3
from pathlib import Path

from pulang.kafka_properties import read_kafka_properties
from pulang.subscriber import ANY, ClientCredentials, Event, Feed, Kafka, SqliteStore, Subscriber

SCHEMA = """
CREATE TABLE IF NOT EXISTS cases (
  id TEXT PRIMARY KEY, arrived_on TEXT, sex TEXT, age_band TEXT, finding TEXT, level TEXT, outcome TEXT);
CREATE TABLE IF NOT EXISTS stays (
  id TEXT PRIMARY KEY, case_id TEXT NOT NULL, facility TEXT, checked_in TEXT, checked_out TEXT);
CREATE TABLE IF NOT EXISTS goods (
  id TEXT PRIMARY KEY, case_id TEXT NOT NULL, item TEXT NOT NULL, quantity INTEGER NOT NULL, issued_on TEXT NOT NULL);
-- Who was read by GET /intake/cases/{id}/identity, where the person agreed to it. No event ever holds a name.
CREATE TABLE IF NOT EXISTS people (case_id TEXT PRIMARY KEY, name TEXT NOT NULL);
-- The primary key would refuse an event that has its effect twice.
CREATE TABLE IF NOT EXISTS history (
  subject TEXT NOT NULL, source TEXT NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL, happened_at TEXT NOT NULL,
  PRIMARY KEY (subject, source, version)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS stays_of_case ON stays (case_id);
CREATE INDEX IF NOT EXISTS goods_of_case ON goods (case_id);
"""


def happened(db: sqlite3.Connection, event: Event) -> None:
    """Every event, a stub (`pulang.withheld.v1`) too."""
    if event.grant is not None:
        db.execute("INSERT INTO cases (id) VALUES (?) ON CONFLICT DO NOTHING", (event.subject,))
    row = (event.subject, event.source, event.streamversion, event.type, event.time)
    db.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?)", row)


def registered(db: sqlite3.Connection, event: Event) -> None:
    said = event.data or {}
    row = (said["arrival_date"], said["sex"], said.get("age_band"), event.subject)
    db.execute("UPDATE cases SET arrived_on = ?, sex = ?, age_band = ? WHERE id = ?", row)


def screened(db: sqlite3.Connection, event: Event) -> None:
    said = event.data or {}
    db.execute("UPDATE cases SET finding = ? WHERE id = ?", (said["trafficking_status"], event.subject))


def consent_changed(db: sqlite3.Connection, event: Event) -> None:
    """An agency is told its own decision alone; the last one holds."""
    for decision in (event.data or {})["decisions"]:
        db.execute("UPDATE cases SET level = ? WHERE id = ?", (decision["level"], event.subject))


def closed(db: sqlite3.Connection, event: Event) -> None:
    db.execute("UPDATE cases SET outcome = ? WHERE id = ?", ((event.data or {})["outcome"], event.subject))


def reopened(db: sqlite3.Connection, event: Event) -> None:
    db.execute("UPDATE cases SET outcome = NULL WHERE id = ?", (event.subject,))


def checked_in(db: sqlite3.Connection, event: Event) -> None:
    said = event.data or {}
    row = (said["stay"], event.subject, said["facility"], said["on"])
    db.execute("INSERT INTO stays (id, case_id, facility, checked_in) VALUES (?, ?, ?, ?)", row)


def checked_out(db: sqlite3.Connection, event: Event) -> None:
    said = event.data or {}
    db.execute("UPDATE stays SET checked_out = ? WHERE id = ?", (said["on"], said["stay"]))


def issued(db: sqlite3.Connection, event: Event) -> None:
    said = event.data or {}
    row = (said["issue"], event.subject, said["item"], said["quantity"], said["on"])
    db.execute("INSERT INTO goods VALUES (?, ?, ?, ?, ?)", row)


def delete_case(db: sqlite3.Connection, case_id: str) -> None:
    """The person asked for it: nothing of the case stays here."""
    db.execute("DELETE FROM cases WHERE id = ?", (case_id,))
    db.execute("DELETE FROM stays WHERE case_id = ?", (case_id,))
    db.execute("DELETE FROM goods WHERE case_id = ?", (case_id,))
    db.execute("DELETE FROM people WHERE case_id = ?", (case_id,))
    db.execute("DELETE FROM history WHERE subject = ?", (case_id,))


def delete_identity(db: sqlite3.Connection, case_id: str) -> None:
    """The case may still be followed, but not by name."""
    db.execute("DELETE FROM people WHERE case_id = ?", (case_id,))


HANDLERS = {
    ANY: happened,
    "pulang.case.registered.v1": registered,
    "pulang.case.screened.v1": screened,
    "pulang.case.identified.v1": screened,
    "pulang.case.consent_changed.v1": consent_changed,
    "pulang.case.closed.v1": closed,
    "pulang.case.reopened.v1": reopened,
    "pulang.stay.checked_in.v1": checked_in,
    "pulang.stay.checked_out.v1": checked_out,
    "pulang.aid.issued.v1": issued,
}


def token() -> str | ClientCredentials:
    """PULANG_TOKEN, else the client's own: PULANG_TOKEN_URL, PULANG_CLIENT_ID, PULANG_CLIENT_SECRET."""
    if given := os.environ.get("PULANG_TOKEN"):
        return given
    return ClientCredentials(*(os.environ[f"PULANG_{name}"] for name in ("TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET")))


def main() -> None:
    parser = argparse.ArgumentParser(description="Keep a local copy of what an agency may see.")
    parser.add_argument("file", type=Path, help="where the copy is kept")
    parser.add_argument("--until-idle", type=float, metavar="SECONDS", help="end when nothing came for so long")
    parser.add_argument("--page", type=int, default=1000, help="most events of one transaction over the feed")
    parser.add_argument("--kafka", metavar="AGENCY", help="what is new comes from the agency's topic")
    parser.add_argument("--kafka-config", type=Path, metavar="FILE", help="its login, as the stock Kafka tools read it")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")

    feed = Feed(os.environ.get("PULANG_URL", "http://127.0.0.1:8000"), token(), page=asked.page)
    source: Feed | Kafka = feed
    if asked.kafka:
        bootstrap = os.environ.get("KAFKA_BOOTSTRAP")
        login = read_kafka_properties(asked.kafka_config, bootstrap) if asked.kafka_config else bootstrap
        source = Kafka(asked.kafka, login or "127.0.0.1:9092", feed)
    store = SqliteStore(asked.file, SCHEMA)
    subscriber = Subscriber(store, source, HANDLERS, delete_case=delete_case, delete_identity=delete_identity)
    print(subscriber.run(asked.until_idle))


if __name__ == "__main__":
    main()
