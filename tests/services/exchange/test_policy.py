"""Policies are data: read strictly, so that a slip of the pen never opens more than it should."""

import json
from pathlib import Path

import pytest

from services.exchange.policy import PolicyInvalid, load_policies, policies
from shared.events.intake import CaseErased, ConsentChanged

GOOD = {"name": "IOM", "kind": "international_organisation", "withheld": []}


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"iom": {}},
        {"IOM": GOOD},
        {"i-om": GOOD},
        {"iom": GOOD | {"withold": []}},
        {"iom": GOOD | {"name": ""}},
        {"iom": GOOD | {"withheld": "pulang.case.closed.v1"}},
        {"iom": GOOD | {"withheld": [7]}},
        {"iom": GOOD | {"withheld": [ConsentChanged.TYPE]}},
        {"iom": GOOD | {"withheld": [CaseErased.TYPE]}},
    ],
)
def test_what_is_not_of_the_form_is_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(content))
    with pytest.raises(PolicyInvalid):
        load_policies(path)


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text("{")
    with pytest.raises(PolicyInvalid):
        load_policies(path)


def test_the_default_policy_withholds_alerts_from_everyone() -> None:
    for policy in policies().values():
        assert policy.withheld == {"pulang.psychosocial.alert_raised.v1"}
