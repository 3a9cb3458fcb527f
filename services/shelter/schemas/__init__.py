"""Requests and answers of shelter."""

from services.shelter.schemas.answers import (
    AnsweredReferral,
    AnsweredReferrals,
    FacilityView,
    Figures,
    NightView,
    Occupancy,
    ReferralView,
    RoomView,
    SegmentView,
    Stays,
    StayView,
)
from services.shelter.schemas.examples import FACILITY_EXAMPLE, ID_EXAMPLE
from services.shelter.schemas.facilities import PutFacility, PutRoom
from services.shelter.schemas.referrals import AcceptReferrals, ReferralStatus, RejectReferrals
from services.shelter.schemas.stays import (
    BedChoice,
    CheckIn,
    CheckInPerson,
    CheckOut,
    CheckOutPerson,
    Departure,
    GiveUpPlan,
    MoveStay,
    PlanPerson,
    PlanStays,
    StayStatus,
)

__all__ = [
    "FACILITY_EXAMPLE",
    "ID_EXAMPLE",
    "AcceptReferrals",
    "AnsweredReferral",
    "AnsweredReferrals",
    "BedChoice",
    "CheckIn",
    "CheckInPerson",
    "CheckOut",
    "CheckOutPerson",
    "Departure",
    "FacilityView",
    "Figures",
    "GiveUpPlan",
    "MoveStay",
    "NightView",
    "Occupancy",
    "PlanPerson",
    "PlanStays",
    "PutFacility",
    "PutRoom",
    "ReferralStatus",
    "ReferralView",
    "RejectReferrals",
    "RoomView",
    "SegmentView",
    "StayStatus",
    "StayView",
    "Stays",
]
