"""Records as the services tell of a season: the input of whoever consumes them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

import uuid_utils

from shared.bus.protocol import Record
from shared.codes import StatusDecidedBy, TraffickingStatus
from shared.events.aid import AidIssued
from shared.events.envelope import STRUCTURED, Event, rfc3339
from shared.events.fact import LIFECYCLE, Fact
from shared.events.intake import CaseRegistered, CaseScreened, ConsentChanged, ConsentDecision, ReferralMade
from shared.events.shelter import ReferralAccepted, StayCheckedIn, StayCheckedOut

AGENCIES = ("bp2mi", "iom", "kemensos")
EVENTS_OF_A_CASE = 8
DAY = date(2020, 1, 4)


def season(count: int, agencies: Sequence[str] = AGENCIES) -> Iterator[Record]:
    """Eight events of each of `count` cases, those of a hundred arrivals side by side; who is agreed to: `agencies`."""
    for start in range(0, count, 100):
        versions: dict[tuple[str, str], int] = {}
        cases = [(str(uuid_utils.uuid7()), str(uuid_utils.uuid7())) for _ in range(start, min(start + 100, count))]
        for number in range(EVENTS_OF_A_CASE):
            for case, stay in cases:
                source, fact = _story(stay, "FM"[number % 2], agencies)[number]
                version = versions[case, source] = versions.get((case, source), 0) + 1
                yield _record(source, case, version, fact)


def _story(stay: str, sex: str, agencies: Sequence[str]) -> list[tuple[str, Fact]]:
    return [
        (
            "/pulang/intake",
            CaseRegistered(
                arrival_point="TNJ",
                arrival_date=DAY,
                sex=sex,
                age_band="24--26",
                origin_regency="35.07",
                destination_country="MY",
            ),
        ),
        (
            "/pulang/intake",
            CaseScreened(
                trafficking_status=TraffickingStatus.POSSIBLE, decided_by=StatusDecidedBy.GOVERNMENT, care_layer=2
            ),
        ),
        (
            "/pulang/intake",
            ConsentChanged(
                decisions=tuple(
                    ConsentDecision(agency=agency, status="given", level="pseudonymous") for agency in agencies
                ),
                given_by="person",
            ),
        ),
        ("/pulang/intake", ReferralMade(referral=stay, facility="RPTC-BA", service="SocialCare")),
        ("/pulang/shelter", ReferralAccepted(referral=stay, facility="RPTC-BA")),
        ("/pulang/shelter", StayCheckedIn(stay=stay, facility="RPTC-BA", room_type="female", on=DAY)),
        ("/pulang/aid", AidIssued(issue=stay, store="RPTC-BA", item="hygiene_kit", quantity=1, on=DAY)),
        ("/pulang/shelter", StayCheckedOut(stay=stay, facility="RPTC-BA", on=DAY, reason="return_home")),
    ]


def _record(source: str, case: str, version: int, fact: Fact) -> Record:
    now = datetime.now(UTC)
    event = Event(
        id=str(uuid_utils.uuid7()),
        source=source,
        type=fact.TYPE,
        subject=case,
        time=rfc3339(now),
        recordedtime=rfc3339(now),
        streamversion=version,
        data=fact.to_data(),
        correlationid=str(uuid_utils.uuid7()),
    )
    return Record(LIFECYCLE, case, event.to_bytes(), int(now.timestamp() * 1000), STRUCTURED)
