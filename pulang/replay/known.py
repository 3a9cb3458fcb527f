"""What a running Pulang holds of the season already: asked once, before anything is sent."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pulang.client import OPERATOR
from pulang.replay.api import Api
from pulang.replay.season import Season


@dataclass(slots=True)
class Known:
    """By row of the caseload, or by the ids that the replay gives."""

    cases: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    """Intake's view of a case, by row."""
    stays: dict[str, str] = field(default_factory=dict)
    """Status by stay id."""
    issues: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)

    def case_id(self, row: int) -> str | None:
        case = self.cases.get(row)
        return None if case is None else str(case["case_id"])


async def what_is_known(api: Api, season: Season) -> Known:
    """Four lists, read side by side."""
    known = Known()
    manifests = {season.id("manifest", *key): rows for key, rows in season.manifests().items()}
    rows_of = {(manifest, str(person.row)): person.row for manifest, rows in manifests.items() for person in rows}
    administrator = api.tokens.bearer(OPERATOR, "administrator")
    agencies = sorted({shelter.agency for shelter in season.shelters.values()})

    async def cases() -> None:
        async for case in api.every("/intake/cases", administrator):
            row = rows_of.get((case.get("manifest", ""), case.get("row_key", "")))
            if row is not None:
                known.cases[row] = case

    async def stays() -> None:
        async for stay in api.every("/shelter/stays", administrator):
            known.stays[stay["stay_id"]] = stay["status"]

    async def issues() -> None:
        async for issue in api.every("/aid/issues", administrator):
            known.issues.add(issue["issue_id"])

    async def sessions(agency: str) -> None:
        async for session in api.every("/psychosocial/sessions", api.tokens.bearer(agency, "supervisor")):
            known.sessions.add(session["session_id"])

    await asyncio.gather(cases(), stays(), issues(), *map(sessions, agencies))
    return known
