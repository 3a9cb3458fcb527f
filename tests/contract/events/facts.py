"""One event of every type, from fixed values: every field is filled, the optional ones too."""

from datetime import UTC, date, datetime

from shared.codes import MethodOfControl, Need, StatusDecidedBy, TraffickingStatus, TypeOfExploitation
from shared.events import aid, exchange, facilities, intake, psychosocial, shelter
from shared.events.catalogue import PUBLISHERS
from shared.events.envelope import Event, rfc3339
from shared.events.fact import LIFECYCLE, Fact

CASE = "0190f5a2-7c3e-7d5b-9a54-0c5d8e3f1a2b"
REFERRAL = "0190f5a2-7c3e-7d5b-9a54-0c5d8e3f1a2c"
STAY = "0190f5a2-7c3e-7d5b-9a54-0c5d8e3f1a2d"
TRIP = "0190f5a2-7c3e-7d5b-9a54-0c5d8e3f1a2e"
MANIFEST = "0190f5a2-7c3e-7d5b-9a54-0c5d8e3f1a2f"
REQUEST = "0190f5a2-7c3e-7d5b-9a54-0c5d8e3f1a30"
DONATION = "0190f5a2-7c3e-7d5b-9a54-0c5d8e3f1a31"

EXAMPLES: tuple[Fact, ...] = (
    intake.CaseRegistered(
        arrival_point="POST-TNJ",
        arrival_date=date(2020, 1, 3),
        sex="F",
        age_band="24--26",
        origin_regency="35.07",
        destination_country="MY",
        manifest=MANIFEST,
    ),
    intake.CaseScreened(
        trafficking_status=TraffickingStatus.POSSIBLE,
        decided_by=StatusDecidedBy.GOVERNMENT,
        methods_of_control=(MethodOfControl.DEBT_BONDAGE, MethodOfControl.WITHHOLDS_DOCUMENTS),
        types_of_exploitation=(TypeOfExploitation.FORCED_LABOUR,),
        needs=(Need.ISOLATION, Need.GROUND_FLOOR),
        care_layer=3,
    ),
    intake.CaseIdentified(
        trafficking_status=TraffickingStatus.ACTUAL,
        decided_by=StatusDecidedBy.POLICE,
        methods_of_control=(MethodOfControl.DEBT_BONDAGE,),
        types_of_exploitation=(TypeOfExploitation.FORCED_LABOUR,),
    ),
    intake.ConsentChanged(
        decisions=(
            intake.ConsentDecision(agency="iom", status="given", level="pseudonymous", expires_on=date(2021, 1, 3)),
            intake.ConsentDecision(agency="bp2mi", status="withdrawn", level="none"),
        ),
        given_by="guardian",
        deletion_requested="case",
    ),
    intake.CaseClosed(outcome="returned"),
    intake.CaseReopened(),
    intake.CaseErased(),
    intake.ReferralMade(referral=REFERRAL, facility="RPTC-BA", service="SocialCare"),
    intake.ReferralRevoked(referral=REFERRAL, facility="RPTC-BA"),
    intake.ReturnPlanned(trip=TRIP, mode="ship", from_facility="RPTC-BA", regency="35.07", departs_on=date(2020, 1, 9)),
    intake.ReturnDeparted(trip=TRIP),
    intake.ReturnArrived(trip=TRIP, regency="35.07"),
    intake.ManifestReceived(arrival_point="POST-TNJ", arrival_date=date(2020, 1, 3), rows=42),
    intake.ManifestReconciled(arrival_point="POST-TNJ", registered=40, duplicates=1, unreadable=1),
    facilities.FacilityOpened(
        facility="RPTC-BA",
        kind="shelter",
        name="RPTC Bambu Apus",
        agency="kemensos",
        regency="31.75",
        time_zone="Asia/Jakarta",
        rooms=(
            facilities.RoomSummary(room_type="male", beds=20),
            facilities.RoomSummary(room_type="female", beds=15),
        ),
    ),
    shelter.ReferralAccepted(referral=REFERRAL, facility="RPTC-BA"),
    shelter.ReferralRejected(referral=REFERRAL, facility="RPTC-BA", reason="no_suitable_room"),
    shelter.StayPlanned(
        stay=STAY,
        facility="RPTC-BA",
        room_type="female",
        from_date=date(2020, 1, 4),
        until_date=date(2020, 1, 9),
    ),
    shelter.StayCheckedIn(stay=STAY, facility="RPTC-BA", room_type="female", on=date(2020, 1, 4)),
    shelter.StayMoved(stay=STAY, facility="RPTC-BA", room_type="isolation", on=date(2020, 1, 5)),
    shelter.StayCheckedOut(stay=STAY, facility="RPTC-BA", on=date(2020, 1, 9), reason="return_home"),
    shelter.StayNoShow(stay=STAY, facility="RPTC-BA"),
    shelter.StayCancelled(stay=STAY, facility="RPTC-BA"),
    shelter.OccupancyChanged(facility="RPTC-BA", on=date(2020, 1, 4), beds=35, taken=12),
    aid.AidIssued(issue=DONATION, store="GUDANG-BA", item="hygiene_kit", quantity=1, on=date(2020, 1, 4)),
    aid.DonationPledged(
        donor="International Organization for Migration",
        agency="kemensos",
        item="hygiene_kit",
        quantity=2500,
        store="GUDANG-BA",
        donor_agency="iom",
    ),
    aid.DonationReceived(
        donor="International Organization for Migration",
        item="hygiene_kit",
        quantity=2500,
        store="GUDANG-BA",
        on=date(2020, 8, 26),
        donor_agency="iom",
    ),
    aid.RequestSubmitted(from_store="GUDANG-BA", to_store="GUDANG-TNJ", item="hygiene_kit", quantity=120),
    aid.RequestApproved(from_store="GUDANG-BA", to_store="GUDANG-TNJ", item="hygiene_kit", quantity=100),
    aid.RequestRejected(from_store="GUDANG-BA", to_store="GUDANG-TNJ"),
    aid.ShipmentDispatched(
        request=REQUEST,
        from_store="GUDANG-BA",
        to_store="GUDANG-TNJ",
        item="hygiene_kit",
        quantity=100,
        on=date(2020, 9, 1),
    ),
    aid.ShipmentReceived(
        request=REQUEST,
        from_store="GUDANG-BA",
        to_store="GUDANG-TNJ",
        item="hygiene_kit",
        quantity=98,
        on=date(2020, 9, 4),
    ),
    aid.StockLow(store="GUDANG-TNJ", item="hygiene_kit", quantity=9, threshold=20),
    aid.StockAdjusted(store="GUDANG-TNJ", item="hygiene_kit", change=-2),
    psychosocial.SessionRecorded(
        session="0190f5a2-7c3e-7d5b-9a54-0c5d8e3f1a32", layer=2, kind="individual", on=date(2020, 1, 5)
    ),
    exchange.Withheld(),
    exchange.AgencyJoined(agency="dinsos"),
    exchange.AgencyLeft(agency="dinsos"),
)

_SUBJECTS: dict[type[Fact], str] = {
    intake.ManifestReceived: MANIFEST,
    intake.ManifestReconciled: MANIFEST,
    facilities.FacilityOpened: "RPTC-BA",
    shelter.OccupancyChanged: "RPTC-BA",
    aid.DonationPledged: DONATION,
    aid.DonationReceived: DONATION,
    aid.StockLow: "GUDANG-TNJ",
    aid.StockAdjusted: "GUDANG-TNJ",
    exchange.AgencyJoined: "dinsos",
    exchange.AgencyLeft: "dinsos",
}


def event_about(fact: Fact) -> Event:
    """The fact as it is published; a stub as an agency gets it: with a grant, and without data."""
    stub = isinstance(fact, exchange.Withheld)
    return Event(
        id="0190f5a2-8000-7000-8000-000000000001",
        source="/pulang/psychosocial" if stub else _source_of(type(fact)),
        type=fact.TYPE,
        subject=CASE if fact.TOPIC == LIFECYCLE else _SUBJECTS.get(type(fact), REQUEST),
        time=rfc3339(datetime(2020, 1, 3, 5, 0, tzinfo=UTC)),
        recordedtime=rfc3339(datetime(2020, 1, 3, 6, 30, 15, 250_000, tzinfo=UTC)),
        streamversion=7,
        data=None if stub else fact.to_data(),
        grant=2 if stub else None,
        correlationid="0190f5a2-8000-7000-8000-000000000002",
        causationid="0190f5a2-8000-7000-8000-000000000003",
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )


def _source_of(model: type[Fact]) -> str:
    """The last of its publishers: shelter, where intake opens places too."""
    return [source for source, facts in PUBLISHERS.items() if model in facts][-1]
