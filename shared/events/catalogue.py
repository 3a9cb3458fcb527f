"""Every fact there is, by its type."""

from shared.events import aid, exchange, facilities, intake, psychosocial, shelter
from shared.events.envelope import Event
from shared.events.fact import Fact

PUBLISHERS: dict[str, tuple[type[Fact], ...]] = {
    "/pulang/intake": (
        intake.CaseRegistered,
        intake.CaseScreened,
        intake.CaseIdentified,
        intake.ConsentChanged,
        intake.CaseClosed,
        intake.CaseReopened,
        intake.CaseErased,
        intake.ReferralMade,
        intake.ReferralRevoked,
        intake.ReturnPlanned,
        intake.ReturnDeparted,
        intake.ReturnArrived,
        intake.ManifestReceived,
        intake.ManifestReconciled,
        facilities.FacilityOpened,
    ),
    "/pulang/shelter": (
        shelter.ReferralAccepted,
        shelter.ReferralRejected,
        shelter.StayPlanned,
        shelter.StayCheckedIn,
        shelter.StayMoved,
        shelter.StayCheckedOut,
        shelter.StayNoShow,
        shelter.StayCancelled,
        shelter.OccupancyChanged,
        facilities.FacilityOpened,
    ),
    "/pulang/aid": (
        aid.AidIssued,
        aid.DonationPledged,
        aid.DonationReceived,
        aid.RequestSubmitted,
        aid.RequestApproved,
        aid.RequestRejected,
        aid.ShipmentDispatched,
        aid.ShipmentReceived,
        aid.StockLow,
        aid.StockAdjusted,
    ),
    "/pulang/psychosocial": (psychosocial.SessionRecorded,),
    "/pulang/exchange": (exchange.AgencyJoined, exchange.AgencyLeft),
}
"""The facts that each source publishes on the services' topics."""

_ALL: tuple[type[Fact], ...] = (*(fact for facts in PUBLISHERS.values() for fact in facts), exchange.Withheld)

FACTS: dict[str, type[Fact]] = {fact.TYPE: fact for fact in _ALL}

TOLD_TO_AGENCIES = frozenset(kind for kind, fact in FACTS.items() if not fact.BETWEEN_SERVICES)
"""What can stand in an agency's log, stubs among it."""


def fact_of(event: Event) -> Fact | None:
    """The event's data as its model; None for a type that this version does not know.

    Raises pydantic.ValidationError where the data is not of its schema.
    """
    model = FACTS.get(event.type)
    return None if model is None else model.model_validate(event.data or {})
