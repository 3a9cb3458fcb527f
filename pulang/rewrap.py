"""`pulang rewrap`: a service's keys under another key-encryption key."""

import asyncio

from pulang.complaint import Complaint
from pulang.services import must_be_a_service
from shared.database.protocol import DatabaseUnavailable
from shared.security.keys import KekUnknown
from shared.security.sealing import Kek, SealBroken
from shared.security.secret_files import SecretInvalid
from shared.settings import Environment, SettingInvalid


def rewrap_keys(service: str) -> None:
    """From PULANG_KEK to PULANG_KEK_NEW, in PULANG_KEY_STORE; no replica of the service runs. Raises Complaint."""
    must_be_a_service(service)
    environment = Environment()
    try:
        url = environment.database("PULANG_KEY_STORE")
        old, new = environment.secret("PULANG_KEK"), environment.secret("PULANG_KEK_NEW")
        environment.check()
        count = asyncio.run(_rewrap(url, Kek.from_environment(old), Kek.from_environment(new), service))
    except (SettingInvalid, SecretInvalid) as refused:
        raise Complaint(f"{service}: {refused}") from None
    except (KekUnknown, SealBroken):
        raise Complaint(
            f"{service}: its keys are wrapped under another key than PULANG_KEK or PULANG_KEK_NEW"
        ) from None
    except DatabaseUnavailable as gone:
        raise Complaint(f"{service}: {gone}; it can be run again") from None
    print(f"{service}: {count} keys were rewrapped; start its replicas with the new key, and destroy the old one")


async def _rewrap(url: str, old: Kek, new: Kek, service: str) -> int:
    from shared.security.postgres_keys import PostgresKeyStore

    # The new one is known from the start: a run that ended half-way has left some under it.
    store = PostgresKeyStore(url, old, owner=f"{service}-rewrap", older=[new])
    try:
        await store.start()
        return await asyncio.to_thread(store.rewrap, old, new)
    finally:
        await store.stop()
