"""`pulang restore-check`: a restored database gets back from the bus the event rows that it lacks."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy.orm import Session

from pulang.app import definition
from pulang.complaint import Complaint
from pulang.erasures import read_list
from pulang.opened import embedded_bus, file_of, kafka_bus, server_of
from pulang.quiet import quiet_libraries
from pulang.restored import show_read_only
from pulang.services import must_be_a_service
from pulang.up import alone_on
from services.exchange.commands.restored import members_again
from services.exchange.log import begin_behind_all_cursors
from shared.auditing.restored import record_loss
from shared.bus.protocol import Bus, BusUnavailable, Received
from shared.database.protocol import Database, DatabaseUnavailable
from shared.outbox.lease import Lease
from shared.restoring.entering import behind
from shared.restoring.erasures import AT_ONCE, TELLER, ErasuresTold, erase_again
from shared.restoring.memberships import Membership, MembershipsTold, know_again
from shared.restoring.noticing import is_at_home
from shared.restoring.putting_back import Doubled, Lacking, RelayAtWork, extents_since, put_back, rewind
from shared.security.secrets import Secrets
from shared.settings import Environment, SettingInvalid, Settings, from_environment, kafka_from
from shared.times import utc_now


@dataclass(frozen=True, slots=True)
class _Ground:
    """What the check stands on; started."""

    database: Database
    bus: Bus
    secrets: Secrets
    alone: bool


def restore_check(
    service: str, data: Path | None, since: datetime | None, erasures: Path | None = None, *, as_json: bool
) -> None:
    """On the distributed profile where PULANG_DATABASE is set, else on the data folder. Raises Complaint.

    `since`: well before the backup was begun; everything on the bus is read where it is None. `erasures`: a list of
    those that the bus may not tell of.
    """
    from pulang.server import CannotStart
    from shared.migrating import NewerDatabase
    from shared.security.secret_files import SecretInvalid

    must_be_a_service(service)
    quiet_libraries()
    far = data is None and bool(os.environ.get("PULANG_DATABASE"))
    listed = set[str]() if erasures is None else read_list(erasures)
    since_ms = None if since is None else int(since.timestamp() * 1000)
    try:
        with contextlib.ExitStack() as folder:
            if not far:
                settings = from_environment(data)
                if not settings.bus.exists():
                    raise Complaint(f"there is no Pulang in {settings.data}: name its folder with --data")
                folder.enter_context(alone_on(settings))
            ground = _distributed(service) if far else _embedded(service, settings)
            found = asyncio.run(_check(service, ground, since_ms, listed))
    except (CannotStart, SettingInvalid, SecretInvalid, NewerDatabase) as refused:
        raise Complaint(str(refused)) from None
    except Doubled as doubled:
        raise Complaint(
            f"{service}: {doubled} was given twice, here and on the bus: this database wrote after it was restored. "
            "Restore the backup again, and run this before anything else"
        ) from None
    except Lacking as lacking:
        hint = "read the bus from its beginning, without --since" if since else "the bus does not hold it either"
        raise Complaint(f"{service}: events of {lacking} are missing: {hint}") from None
    except RelayAtWork:
        raise Complaint(f"{service}: a replica is at work on this database: stop all of them first") from None
    except (BusUnavailable, DatabaseUnavailable) as gone:
        raise Complaint(f"{service}: {gone}; it can be run again") from None
    _tell(service, found, as_json=as_json)


async def _check(
    service: str, ground: "contextlib.AbstractAsyncContextManager[_Ground]", since_ms: int | None, listed: set[str]
) -> Any:
    async with ground as on:
        lease = Lease(on.database, "relay", alone=on.alone)
        if not await lease.hold():
            raise RelayAtWork
        try:
            extents = await extents_since(on.bus, since_ms)
            # First the groups: where somebody still reads, nothing was changed yet.
            await rewind(on.bus, definition(service).consumers, extents)
            source = f"/pulang/{service}"
            told, memberships = ErasuresTold(listed), MembershipsTold()

            def note(record: Received) -> None:
                told.note(record)
                memberships.note(record)

            count = await put_back(on.bus, on.database, lease, on.secrets.chain, source, extents, note)
            erased = await _erase_again(on, service, sorted(told.cases))
            await on.database.write(partial(_know_members, service=service, told=memberships.last))
            if service == "exchange":
                await on.database.write(begin_behind_all_cursors)
            lost = await record_loss(on.bus, on.database, service, on.secrets)
            await on.database.write(is_at_home)
        finally:
            with contextlib.suppress(DatabaseUnavailable):
                await lease.release()
        subjects: list[dict[str, Any]] = []
        while page := await on.database.read(partial(behind, after=subjects[-1]["subject"] if subjects else "")):
            subjects += page
        audit = None if lost is None else {"number": lost.kept + 1, "until": lost.number}
        left = sorted(agency for agency, one in memberships.last.items() if not one.member)
        return {
            "service": service,
            "put_back": count,
            "erased": erased,
            "left": left,
            "read_only": subjects,
            "audit_lost": audit,
        }


def _know_members(session: Session, service: str, told: Mapping[str, Membership]) -> None:
    if service == "exchange":
        members_again(session, told, utc_now())
    else:
        know_again(session, [one.name_at(session) for one in definition(service).consumers], told, utc_now())


async def _erase_again(on: _Ground, service: str, cases: Sequence[str]) -> int:
    """The keys are destroyed when the service opens, and before it serves."""
    for start in range(0, len(cases), AT_ONCE):
        again = partial(
            erase_again,
            forgetting=definition(service).forgetting,
            secrets=on.secrets,
            cases=cases[start : start + AT_ONCE],
            teller=f"/pulang/{service}" == TELLER,
        )
        await on.database.write(again)
    return len(cases)


@contextlib.asynccontextmanager
async def _embedded(service: str, settings: Settings) -> AsyncIterator[_Ground]:
    from shared.service import SERVICE_TOPICS

    async with AsyncExitStack() as opened:
        database = await file_of(opened, service, settings)
        bus = await embedded_bus(opened, settings, SERVICE_TOPICS)
        yield _Ground(database, bus, Secrets.load(settings.keys), alone=True)


@contextlib.asynccontextmanager
async def _distributed(service: str) -> AsyncIterator[_Ground]:
    environment = Environment()
    url, root_secret = environment.database("PULANG_DATABASE"), environment.secret("PULANG_ROOT_SECRET")
    kafka = kafka_from(environment)
    async with AsyncExitStack() as opened:
        database = await server_of(opened, service, url)
        bus = await kafka_bus(opened, kafka)
        yield _Ground(database, bus, Secrets.from_environment(root_secret), alone=False)


def _tell(service: str, found: Any, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(found) + b"\n")
        return
    print(f"{service}: {found['put_back']} event rows were put back; what others said is heard again at the next start")
    if found["erased"]:
        print(f"{service}: {found['erased']} persons who were erased are erased here, too")
    if found["left"]:
        print(f"{service}: agencies that have left the exchange are let in nowhere: {', '.join(found['left'])}")
    if (lost := found["audit_lost"]) is not None:
        print(
            f"{service}: what its audit log held from number {lost['number']} on, up to {lost['until']}, went with the "
            "restore: entered in the log and on pulang.audit"
        )
    show_read_only(service, found["read_only"])
