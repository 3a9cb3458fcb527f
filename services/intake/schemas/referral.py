"""Referral to a shelter."""

from typing import Annotated

from pydantic import ConfigDict, Field

from shared.http.bodies import Body, Id, PlaceCode, View
from shared.times import OccurredAt


class MakeReferrals(Body):
    """Ask a shelter to take people in: all of them, or none is referred."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "facility": "RPTC-TANJUNG-PINANG",
                    "cases": ["0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"],
                    "occurred_at": "2026-11-03",
                }
            ]
        }
    )

    facility: PlaceCode
    cases: Annotated[list[Id], Field(min_length=1, max_length=500)]
    occurred_at: OccurredAt


class RevokeReferral(Body):
    """Take a referral back that has no answer yet."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"occurred_at": "2026-11-03"}]})

    occurred_at: OccurredAt


class ReferralView(View):
    """A referral as intake knows it."""

    referral_id: str
    case_id: str
    facility: str
    status: str


class Referrals(View):
    """One referral per case, in the order of the request."""

    referrals: list[ReferralView]
