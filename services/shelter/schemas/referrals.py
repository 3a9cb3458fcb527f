"""Requests about referrals."""

from typing import Annotated, Literal

from pydantic import Field

from services.shelter.schemas.examples import ID_EXAMPLE, example_of
from shared.events.shelter import RejectionReason
from shared.http.bodies import Body, Id, PlaceCode
from shared.times import OccurredAt

ReferralStatus = Literal["pending", "accepted", "rejected", "revoked"]


class AcceptReferrals(Body):
    """Take people in: all of them, or nobody is accepted."""

    model_config = example_of(
        {"facility": "RPTC-TANJUNG-PINANG", "referrals": [ID_EXAMPLE], "occurred_at": "2026-11-03"}
    )

    facility: PlaceCode
    referrals: Annotated[list[Id], Field(min_length=1, max_length=500)]
    occurred_at: OccurredAt


class RejectReferrals(AcceptReferrals):
    """Say that people cannot be taken in: all of them, or nobody is rejected."""

    model_config = example_of(
        {
            "facility": "RPTC-TANJUNG-PINANG",
            "referrals": [ID_EXAMPLE],
            "reason": "full",
            "occurred_at": "2026-11-03",
        }
    )

    reason: RejectionReason
