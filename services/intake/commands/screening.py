"""Screening: what happened to the person, in the codes of HTCDS."""

from datetime import UTC, datetime
from typing import Any

import orjson
import uuid_utils

from services.intake.commands.cases import moment_of, one_case
from services.intake.models import Case, Screening
from services.intake.problems import CaseIsClosed, IdTaken
from services.intake.schemas.cases import ScreenCase, ScreeningView
from shared.events.intake import CaseScreened
from shared.work import Work


def screen_case(work: Work, case_id: str, body: ScreenCase) -> ScreeningView:
    """Record the finding; the newest holds. Circumstances and note are sealed, and never in the event.

    The same `id` again is answered as it stands. Raises CaseUnknown, CaseIsClosed, ImpossibleDate, IdTaken.
    """
    case = one_case(work, case_id, open_only=False)
    occurred = moment_of(work, body.occurred_at, case)
    if body.id is not None and (known := work.session.get(Screening, body.id)) is not None:
        return _repeated(work, case, known, body, occurred)
    if case.status == "closed":
        raise CaseIsClosed
    screening = Screening(
        screening_id=body.id or str(uuid_utils.uuid7()),
        case_id=case_id,
        occurred_at=occurred.astimezone(UTC),
        **_codes(body),
        circumstances=work.keys.get(case.key_id).seal(
            _circumstances(body), case=case_id, table="screenings", column="circumstances"
        ),
    )
    work.session.add(screening)
    case.trafficking_status = body.trafficking_status.value
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
    return _view(screening)


def _repeated(work: Work, case: Case, known: Screening, body: ScreenCase, occurred: datetime) -> ScreeningView:
    same = (known.case_id, known.occurred_at, known.model_dump(include=set(_codes(body)))) == (
        case.case_id,
        occurred,
        _codes(body),
    )
    key = work.keys.get(case.key_id)
    if not same or _circumstances(body) != key.open(
        known.circumstances, case=case.case_id, table="screenings", column="circumstances"
    ):
        raise IdTaken(pointer="#/id")
    return _view(known)


def _codes(body: ScreenCase) -> dict[str, Any]:
    return body.model_dump(
        mode="json",
        include={
            "trafficking_status",
            "decided_by",
            "methods_of_control",
            "types_of_exploitation",
            "needs",
            "care_layer",
        },
    )


def _circumstances(body: ScreenCase) -> str:
    return orjson.dumps(body.model_dump(include={"gender_based_violence", "pregnant", "disability", "note"})).decode()


def _view(screening: Screening) -> ScreeningView:
    return ScreeningView(
        screening_id=screening.screening_id,
        case_id=screening.case_id,
        trafficking_status=screening.trafficking_status,
    )
