"""The limit on PostgreSQL: a bare FastAPI route that writes a registration's rows in one asyncpg transaction.

Hand-written SQL, one statement a table. No sealing, no validation beyond the types, no access control, no reader of
what it writes: the same rows (case, identity, blind tokens, stream, event, audit) with the same keys and indexes.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import uuid_utils
from fastapi import FastAPI

from benchmarks.bare import Person

SCHEMA = """
CREATE TABLE cases (case_id text PRIMARY KEY, key_id text UNIQUE, registered_at timestamptz, arrival_point text,
  arrival_agency text, arrival_date date, sex text, age_band text, origin_regency text, destination_country text,
  manifest_id text, row_key text, warnings json, status text);
CREATE INDEX ON cases (arrival_point, case_id);
CREATE UNIQUE INDEX ON cases (manifest_id, row_key);
CREATE TABLE identities (case_id text PRIMARY KEY, name bytea, birth_date bytea, nik bytea, document bytea,
  phone bytea);
CREATE TABLE blind_tokens (kind text, token bytea, case_id text, PRIMARY KEY (kind, token, case_id));
CREATE INDEX ON blind_tokens (case_id);
CREATE TABLE streams (subject text PRIMARY KEY, version int);
CREATE TABLE events (position bigserial PRIMARY KEY, id text UNIQUE, subject text, streamversion int, type text,
  topic text, recorded_ms bigint, payload bytea, hash bytea, UNIQUE (subject, streamversion));
CREATE TABLE unpublished (position bigint PRIMARY KEY);
CREATE TABLE audit (position bigserial PRIMARY KEY, at_ms bigint, actor text, agency text, roles text, action text,
  subject text, purpose text, outcome text, number int UNIQUE, hash bytea);
CREATE INDEX ON audit (position) WHERE number IS NULL;
"""
CASE = "INSERT INTO cases VALUES ($1,$2,now(),$3,'bp2mi',$4,$5,'30--38',$6,$7,NULL,NULL,'[]','open')"
IDENTITY = "INSERT INTO identities VALUES ($1,$2,$2,$2,$2,NULL)"
TOKENS = "INSERT INTO blind_tokens SELECT kind, $2, $1 FROM unnest($3::text[]) AS kind"
STREAM = "INSERT INTO streams VALUES ($1,1)"
EVENT = (
    "WITH new AS (INSERT INTO events (id,subject,streamversion,type,topic,recorded_ms,payload,hash)"
    " VALUES ($1,$2,1,'pulang.case.registered.v1','pulang.lifecycle',1,$3,$4) RETURNING position)"
    " INSERT INTO unpublished SELECT position FROM new"
)
AUDIT = (
    "INSERT INTO audit (at_ms,actor,agency,roles,action,subject,purpose,outcome)"
    " VALUES (1,'someone','bp2mi','arrival_officer','case.register',$1,'','done')"
)
KINDS = ["name", "document", "nik", "person"]


def create_app() -> FastAPI:
    """On the empty database that `BARE_DATABASE` names."""

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(os.environ["BARE_DATABASE"], min_size=8, max_size=8) as pool:
            await pool.execute(SCHEMA)
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=running)

    @app.post("/cases", status_code=201)
    async def register(body: Person) -> dict[str, str]:
        case_id, event_id = str(uuid_utils.uuid7()), str(uuid_utils.uuid7())
        blob, payload, token = b"x" * 48, b"x" * 620, os.urandom(16)
        async with app.state.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                CASE,
                *(case_id, event_id, body.arrival_point, body.arrival_date, body.sex),
                *(body.origin_regency, body.destination_country),
            )
            await connection.execute(IDENTITY, case_id, blob)
            await connection.execute(TOKENS, case_id, token, KINDS)
            await connection.execute(STREAM, case_id)
            await connection.execute(EVENT, event_id, case_id, payload, token)
            await connection.execute(AUDIT, case_id)
        return {"case_id": case_id}

    return app
