"""What a supervisor has to approve, and the answers to it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from shared.codes import ClosureOutcome, MethodOfControl, StatusDecidedBy, TypeOfExploitation
from shared.http.bodies import Body, Id, View
from shared.times import OccurredAt

Kind = Literal["identification", "transfer", "closure"]
"""A person is identified as a victim of trafficking; is handed over to another organisation; or their case is closed
while work is open."""
WorkCode = Literal["referral_pending", "referral_accepted", "stay", "return"]


class RequestIdentification(Body):
    """Propose that the person is identified as a victim of trafficking."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "decided_by": "Police",
                    "methods_of_control": ["WithholdsDocuments"],
                    "types_of_exploitation": ["ForcedLabour"],
                    "occurred_at": "2026-11-05",
                }
            ]
        }
    )

    id: Id | None = None
    """The client's own UUID for the proposal, so that a repeat is recognised."""
    decided_by: StatusDecidedBy
    methods_of_control: Annotated[list[MethodOfControl], Field(max_length=50)] = []
    types_of_exploitation: Annotated[list[TypeOfExploitation], Field(max_length=50)] = []
    occurred_at: OccurredAt
    """When it was decided."""


class RequestClosure(Body):
    """Ask that a case be closed which cannot be closed without a supervisor's approval."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"outcome": "transferred", "occurred_at": "2026-11-09"}]})

    id: Id | None = None
    """The client's own UUID for the request, so that a repeat is recognised."""
    outcome: ClosureOutcome
    occurred_at: OccurredAt


class WorkSeen(Body):
    """One thing that is open, as it was shown."""

    code: WorkCode
    id: Id | None = None


class Approve(Body):
    """Let it be done. `open_work` repeats what was shown as open, so that nothing else is approved."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"open_work": [{"code": "stay", "id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b11"}]}]
        }
    )

    open_work: Annotated[list[WorkSeen], Field(max_length=20)] = []


class Reject(Body):
    """Why it is not done."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "unfounded"}]})

    reason: Literal["unfounded", "incomplete", "work_to_finish", "entered_in_error"]


class WorkView(View):
    """One thing that is not finished: a referral, a stay, or a trip home."""

    code: str
    id: str | None = None


class FindingView(View):
    """The finding that is proposed, in HTCDS codes."""

    trafficking_status: str
    decided_by: str
    methods_of_control: list[str]
    types_of_exploitation: list[str]


class ApprovalView(View):
    """Something that a supervisor approves: `requested`, `approved`, `rejected`, `withdrawn`, or `ended` by itself."""

    approval_id: str
    case_id: str
    kind: str
    status: str
    outcome: str | None = None
    """Of a closing."""
    finding: FindingView | None = None
    """Of an identification: shown to who may decide it, and to who asked."""
    occurred_at: datetime
    open_work: list[WorkView] = []
    """What is open now; of what was approved, what was open then."""
    requested_by: str
    requested_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    because: str | None = None
    """Why it was rejected, or what ended it: `screened_again`, `case_closed`, `person_erased`."""
