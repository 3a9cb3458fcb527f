"""What shelter hears from intake, in whichever order, once or more often: it knows the same in the end."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from services.shelter.main import SHELTER
from services.shelter.models import Case, Referral
from shared.bus.protocol import Received
from shared.consuming.inbox import read, take_in
from shared.consuming.table import INBOX, PARKED
from shared.database import SqliteDatabase
from shared.database.models import table_of
from shared.events.envelope import Event
from shared.events.fact import Fact
from shared.events.intake import CaseRegistered, CaseScreened, ReferralMade, ReferralRevoked
from shared.migrating import migrate
from shared.security.keys import SqliteKeyStore
from shared.security.sealing import Kek
from shared.security.secrets import Secrets
from shared.times import utc_now
from shared.work import NOBODY, Work

(CONSUMER,) = SHELTER.consumers


def screened(*needs: str) -> CaseScreened:
    return CaseScreened.model_validate(
        {"trafficking_status": "NotAVictimOfTrafficking", "decided_by": "NGO", "needs": needs}
    )


def story(case: str) -> list[Event]:
    """Registered, screened twice, referred, taken back, referred again."""
    facts: list[Fact] = [
        CaseRegistered.model_validate({"arrival_point": "TNJ", "arrival_date": "2020-01-01", "sex": "F"}),
        screened("isolation"),
        ReferralMade(referral=f"{case}-1", facility="SHELTER-A"),
        ReferralRevoked(referral=f"{case}-1", facility="SHELTER-A"),
        ReferralMade(referral=f"{case}-2", facility="SHELTER-B"),
        screened("ground_floor"),
    ]
    return [
        Event(
            id=f"{case}-event-{version}",
            source="/pulang/intake",
            type=fact.TYPE,
            subject=case,
            time="2020-01-01T05:00:00.000000Z",
            recordedtime="2020-01-01T05:00:00.000000Z",
            streamversion=version,
            data=fact.model_dump(mode="json", exclude_none=True),
        )
        for version, fact in enumerate(facts, 1)
    ]


class Listener:
    """Shelter's ear, over a database of its own."""

    def __init__(self, folder: Path) -> None:
        self._engine: Engine = SqliteDatabase(folder / "shelter.db").engine
        migrate(self._engine, SHELTER.migrations)
        self._secrets = Secrets.load(folder)
        self._keys = SqliteKeyStore(folder / "keys.db", Kek.load_or_create(folder / "kek"), owner="shelter")
        self._offset = itertools.count()

    def hear(self, events: Sequence[Event]) -> None:
        with Session(self._engine) as session, session.begin():
            take_in(self._work(session), CONSUMER, read([self._received(event) for event in events]))

    def react(self, events: Sequence[Event]) -> None:
        """Past the inbox: the reactions alone."""
        with Session(self._engine) as session, session.begin():
            CONSUMER.apply(self._work(session), events)

    def knows(self) -> dict[str, Any]:
        with Session(self._engine) as session:
            cases = session.execute(select(table_of(Case)).order_by(table_of(Case).c.case_id)).all()
            referrals = session.execute(select(table_of(Referral)).order_by(table_of(Referral).c.referral_id)).all()
            parked = session.execute(select(PARKED)).all()
        return {"cases": cases, "referrals": referrals, "parked": parked}

    def forget(self) -> None:
        with Session(self._engine) as session, session.begin():
            for table in (table_of(Case), table_of(Referral), INBOX, PARKED):
                session.execute(delete(table))

    def close(self) -> None:
        self._engine.dispose()
        self._keys.close()

    def _work(self, session: Session) -> Work:
        return Work(session, "shelter", self._secrets, self._keys, NOBODY, utc_now())

    def _received(self, event: Event) -> Received:
        return Received(
            topic="pulang.lifecycle",
            partition=0,
            offset=next(self._offset),
            key=event.subject,
            value=event.to_bytes(),
            headers=(),
            timestamp_ms=0,
        )


@pytest.fixture(scope="module")
def shelter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    listener = Listener(tmp_path_factory.mktemp("shelter"))
    yield listener
    listener.close()


def expected(cases: Sequence[str]) -> list[Any]:
    return [(case, "F", ["ground_floor"]) for case in cases]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cases_interleave_and_every_message_comes_twice(shelter: Listener, data: st.DataObject) -> None:
    shelter.forget()
    left = {case: story(case) for case in ("a", "b", "c")}
    order: list[Event] = []
    while any(left.values()):
        case = data.draw(st.sampled_from([case for case, events in left.items() if events]))
        order.append(left[case].pop(0))
    cut = data.draw(st.integers(0, len(order)))
    for batch in (order[:cut], order[:cut], order[cut:], order):
        shelter.hear(batch)
    known = shelter.knows()
    assert [(row.case_id, row.sex, row.needs) for row in known["cases"]] == expected("abc")
    assert [(row.referral_id, row.status) for row in known["referrals"]] == [
        (f"{case}-{number}", status) for case in "abc" for number, status in [(1, "revoked"), (2, "pending")]
    ]
    assert known["parked"] == []


def test_reactions_alone_stand_repeats(shelter: Listener) -> None:
    shelter.forget()
    shelter.react(story("a"))
    once = shelter.knows()
    shelter.react(story("a"))
    assert shelter.knows() == once


def test_a_referral_needs_no_order(shelter: Listener) -> None:
    events = [event for event in story("a") if not event.type.startswith("pulang.case.screened")]
    seen = set()
    for order in itertools.permutations(events):
        shelter.forget()
        shelter.react(order)
        known = shelter.knows()
        seen.add(str([(row.case_id, row.sex) for row in known["cases"]] + [r.status for r in known["referrals"]]))
    assert seen == {"[('a', 'F'), 'revoked', 'pending']"}
