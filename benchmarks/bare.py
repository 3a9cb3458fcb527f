"""The limit: a bare FastAPI route that writes the rows of a registration in one transaction of hand-written SQL.

No sealing, no validation beyond the types, no access control, no reader of what it writes: the same rows (case,
identity, blind tokens, stream, event, audit), the same kind of database at the same durability (WAL, FULL).
"""

import os
import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import uuid_utils
from fastapi import FastAPI
from pydantic import BaseModel

SCHEMA = """
CREATE TABLE cases (case_id TEXT PRIMARY KEY, key_id TEXT UNIQUE, registered_at INT, arrival_point TEXT,
  arrival_agency TEXT, arrival_date TEXT, sex TEXT, age_band TEXT, origin_regency TEXT, destination_country TEXT,
  manifest_id TEXT, row_key TEXT, warnings TEXT, status TEXT);
CREATE INDEX ix_cases_arrival_point ON cases (arrival_point, case_id);
CREATE UNIQUE INDEX ix_cases_manifest ON cases (manifest_id, row_key);
CREATE TABLE identities (case_id TEXT PRIMARY KEY, name BLOB, birth_date BLOB, nik BLOB, document BLOB, phone BLOB);
CREATE TABLE blind_tokens (kind TEXT, token BLOB, case_id TEXT, PRIMARY KEY (kind, token, case_id));
CREATE INDEX ix_blind_tokens_case_id ON blind_tokens (case_id);
CREATE TABLE streams (subject TEXT PRIMARY KEY, version INT);
CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, subject TEXT, streamversion INT,
  type TEXT, topic TEXT, recorded_ms INT, payload BLOB, hash BLOB, UNIQUE (subject, streamversion));
CREATE TABLE unpublished (position INTEGER PRIMARY KEY);
CREATE TABLE audit (position INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INT, actor TEXT, agency TEXT, roles TEXT,
  action TEXT, subject TEXT, purpose TEXT, outcome TEXT);
"""


class Person(BaseModel):
    """The body of a registration."""

    name: str
    sex: str
    birth_date: date
    nik: str | None = None
    document: dict[str, Any]
    origin_regency: str
    destination_country: str
    arrival_point: str
    arrival_date: date


def create_app() -> FastAPI:
    """On the database file that `BARE_DATABASE` names."""
    connection = sqlite3.connect(Path(os.environ["BARE_DATABASE"]), isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(SCHEMA)
    app = FastAPI()

    @app.post("/cases", status_code=201)
    async def register(body: Person) -> dict[str, str]:
        case_id, event_id = str(uuid_utils.uuid7()), str(uuid_utils.uuid7())
        blob, payload, token = b"x" * 48, b"x" * 620, os.urandom(16)
        run = connection.execute
        run("BEGIN IMMEDIATE")
        run(
            "INSERT INTO cases VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                case_id, event_id, 1, body.arrival_point, "bp2mi", body.arrival_date.isoformat(), body.sex,
                "30--38", body.origin_regency, body.destination_country, None, None, "[]", "open",
            ),
        )  # fmt: skip
        run("INSERT INTO identities VALUES (?,?,?,?,?,?)", (case_id, blob, blob, blob, blob, None))
        connection.executemany(
            "INSERT INTO blind_tokens VALUES (?,?,?)",
            [(kind, token, case_id) for kind in ("name", "document", "nik", "person")],
        )
        run("INSERT INTO streams VALUES (?,1)", (case_id,))
        run(
            "INSERT INTO events (id, subject, streamversion, type, topic, recorded_ms, payload, hash)"
            " VALUES (?,?,1,'pulang.case.registered.v1','pulang.lifecycle',1,?,?)",
            (event_id, case_id, payload, token),
        )
        run("INSERT INTO unpublished VALUES (last_insert_rowid())")
        run(
            "INSERT INTO audit (at_ms, actor, agency, roles, action, subject, purpose, outcome)"
            " VALUES (1,'someone','bp2mi','arrival_officer','case.register',?,'','done')",
            (case_id,),
        )
        run("COMMIT")
        return {"case_id": case_id}

    return app
