"""The walls between the rooms, as `[tool.importlinter]` in pyproject.toml draws them."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

CONTRACTS = [
    one["name"] for one in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
]
SHARED = ("bus", "consuming", "database", "http", "outbox", "service", "work", "codes")
ROOMS = (
    "main",
    "routes",
    "reactions",
    "commands",
    "projections",
    "queries",
    "rules",
    "disclosure",
    "redaction",
    "models",
    "schemas",
)

BREACHES = {
    "Services never import each other": ("services/intake/queries.py", "services.shelter.rules"),
    "What every service stands on knows no service and no command line": ("shared/work.py", "services.aid.rules"),
    "Only the command line and the all-in-one know every service": ("services/aid/main.py", "pulang.cli"),
    "What integrators import knows no service": ("pulang/subscriber/feed.py", "services.exchange.rules"),
    "Only shared.bus.kafka imports aiokafka": ("shared/outbox.py", "aiokafka"),
    "Only pulang.provision imports confluent_kafka": ("pulang/watch.py", "confluent_kafka"),
    "Rules and disclosure import no I/O": ("services/exchange/disclosure.py", "asyncio"),
    "Request and response models know no tables": ("services/intake/schemas.py", "services.intake.models"),
    "Inside a service: wiring, edges, commands, queries, rules, models and schemas": (
        "services/shelter/queries.py",
        "services.shelter.commands",
    ),
}


def lint(folder: Path) -> tuple[int, str]:
    """Exit status and report of import-linter over the packages of a folder."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    options = ["--config", str(folder / "pyproject.toml"), "--no-cache", "--no-logo"]
    done = subprocess.run(
        [*command, *options],
        cwd=folder,
        env={**os.environ, "COLUMNS": "300", "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def village(tmp_path: Path) -> Path:
    """A Pulang of empty modules, with the walls of the real one."""
    modules = [
        "pulang/cli.py",
        "pulang/subscriber/feed.py",
        "shared/bus/kafka.py",
        *(f"shared/{name}.py" for name in SHARED if name != "bus"),
    ]
    for service in ("intake", "shelter", "aid", "psychosocial", "exchange"):
        modules += [f"services/{service}/{room}.py" for room in ROOMS]
    for module in modules:
        path = tmp_path / module
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        for package in path.relative_to(tmp_path).parents[:-1]:
            (tmp_path / package / "__init__.py").touch()
    (tmp_path / "shared/bus/kafka.py").write_text("import aiokafka\n")
    (tmp_path / "services/intake/rules.py").write_text("import services.intake.models\nimport shared.codes\n")
    (tmp_path / "services/intake/models.py").write_text("import sqlmodel\nimport shared.database\n")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    return tmp_path


def test_the_walls_stand() -> None:
    status, report = lint(ROOT)
    assert status == 0, report
    assert all(f"{name} KEPT" in report for name in CONTRACTS), report


def test_an_honest_village_passes(village: Path) -> None:
    status, report = lint(village)
    assert status == 0, report


def test_every_wall_is_tried() -> None:
    assert list(BREACHES) == CONTRACTS


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_seen(village: Path, name: str) -> None:
    module, imported = BREACHES[name]
    (village / module).write_text(f"import {imported}\n")
    status, report = lint(village)
    assert status == 1
    assert f"{name} BROKEN" in report


def test_rules_reach_no_database_by_a_detour(village: Path) -> None:
    (village / "services/intake/rules.py").write_text("import services.intake.help\n")
    (village / "services/intake/help.py").write_text("import sqlalchemy\n")
    status, report = lint(village)
    assert status == 1
    assert "Rules and disclosure import no I/O BROKEN" in report
