"""Screening: what happened to the person, in the codes of HTCDS."""

import orjson
import uuid_utils

from services.intake.commands.cases import one_case
from services.intake.commands.places import happened
from services.intake.models import Screening
from services.intake.schemas import ScreenCase, ScreeningView
from shared.events.intake import CaseScreened
from shared.work import Work


def screen_case(work: Work, case_id: str, body: ScreenCase) -> ScreeningView:
    """Record the finding; the newest holds. Circumstances and note are sealed, and never in the event.

    Raises CaseUnknown, CaseIsClosed, ImpossibleDate.
    """
    case = one_case(work, case_id)
    occurred = happened(work, body.occurred_at, case.arrival_point)
    case.trafficking_status = body.trafficking_status.value
    screening_id = str(uuid_utils.uuid7())
    circumstances = body.model_dump(include={"gender_based_violence", "pregnant", "disability", "note"})
    work.session.add(
        Screening(
            screening_id=screening_id,
            case_id=case_id,
            occurred_at=occurred,
            trafficking_status=body.trafficking_status.value,
            decided_by=body.decided_by.value,
            methods_of_control=[code.value for code in body.methods_of_control],
            types_of_exploitation=[code.value for code in body.types_of_exploitation],
            needs=[need.value for need in body.needs],
            care_layer=body.care_layer,
            circumstances=work.keys.get(case.key_id).seal(
                orjson.dumps(circumstances).decode(), case=case_id, table="screenings", column="circumstances"
            ),
        )
    )
    work.record(
        case_id,
        CaseScreened(
            trafficking_status=body.trafficking_status,
            decided_by=body.decided_by,
            methods_of_control=tuple(body.methods_of_control),
            types_of_exploitation=tuple(body.types_of_exploitation),
            needs=tuple(body.needs),
            care_layer=body.care_layer,
        ),
        occurred,
    )
    return ScreeningView(screening_id=screening_id, case_id=case_id, trafficking_status=body.trafficking_status.value)
