"""No answer to a generated request is a 5xx, or one that the OpenAPI document does not know."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from schemathesis.core.result import Ok

from tests.fuzz.fuzzing import CHECKS, World, is_endless, requests_of, world

EXAMPLES = int(os.environ.get("PULANG_FUZZ_EXAMPLES", "600"))
"""Requests, about; a twelfth of them in the stories."""
SEED = int(os.environ.get("PULANG_FUZZ_SEED", "5"))
QUIET = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck), "print_blob": False}


@pytest.fixture(scope="module")
def fuzzed(request: pytest.FixtureRequest) -> Iterator[World]:
    with world() as one:
        yield one
        told = f"{one.sent.total()} requests: {dict(sorted(one.answered.items()))}"
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\n{told}")


def test_every_route(fuzzed: World) -> None:
    every = [one.ok() for one in fuzzed.schema.get_all_operations() if isinstance(one, Ok)]
    operations = [one for one in every if not is_endless(one)]
    assert len(operations) > 100
    failed = {}
    for operation in operations:

        @seed(SEED)
        @settings(max_examples=max(2, EXAMPLES * 11 // 12 // len(operations)), phases=[Phase.generate], **QUIET)
        @given(case=requests_of(operation, fuzzed), token=fuzzed.whoever())
        def ask(case: object, token: str | None) -> None:
            fuzzed.ask_and_judge(case, token)

        try:
            ask()
        except Exception as failures:
            failed[f"{operation.method.upper()} {operation.path}"] = str(failures)
    assert not failed, "\n\n".join(f"{route}\n{what}" for route, what in failed.items())
    assert len(fuzzed.sent) == len(operations)


def test_stories_along_the_links(fuzzed: World) -> None:
    """What one answer names is asked for next: case, referral, acceptance, stay; goods; journeys."""

    endless = [
        one.ok().path for one in fuzzed.schema.get_all_operations() if isinstance(one, Ok) and is_endless(one.ok())
    ]
    stories = fuzzed.schema.exclude(path=endless) if endless else fuzzed.schema

    class Stories(stories.as_state_machine()):  # type: ignore[misc]
        def call(self, case, **_):  # type: ignore[no-untyped-def]
            return fuzzed.send(case, fuzzed.tokens["all"])

        def validate_response(self, response, case, **_):  # type: ignore[no-untyped-def]
            case.validate_response(response, checks=CHECKS)

    steps = 10
    run_state_machine_as_test(
        Stories,
        settings=settings(
            max_examples=max(2, EXAMPLES // 12 // steps),
            stateful_step_count=steps,
            phases=[Phase.generate],
            derandomize=SEED == 5,
            **QUIET,
        ),
    )
