"""`docs/integrating.md`, followed from its first command to its last one by a partner's developer.

After the season, whose totals would count the people whom it invents.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.cluster import Cluster
from tests.cluster.page import blocks_of, follow, is_as_shown
from tests.system.command import ROOT, environment

PAGE = ROOT / "docs" / "integrating.md"
SECONDS = 300
NOT_RUN = {
    "make cluster REPLICAS=1": "the tests have started one already, by what this calls",
    "make cluster-clean": "the cluster of the tests is in use",
}
RECIPES = {"make cluster REPLICAS=1": "-m deploy.cluster --replicas 1", "make cluster-clean": "-m deploy.cluster clean"}


def test_what_is_not_run() -> None:
    blocks = blocks_of(PAGE)
    assert {block.commands: block.excuse for block in blocks if block.excuse is not None} == NOT_RUN
    assert len(blocks) > 20
    for command, recipe in RECIPES.items():
        make, *words = command.split()
        done = subprocess.run([make, "-n", *words], cwd=ROOT, capture_output=True, text=True, check=True)
        assert recipe in done.stdout


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("```python\nx\n```", "neither"),
        ("```\nx\n```", "neither"),
        ("```sh\nx\n```\n```text\ny\n```\n```text\nz\n```", "neither"),
        ("<!-- not run: so -->\n```sh\nx\n```\n```text\ny\n```", "neither"),
    ],
)
def test_nothing_stands_there_that_nobody_runs(tmp_path: Path, page: str, why: str) -> None:
    (tmp_path / "page.md").write_text(page)
    with pytest.raises(ValueError, match=why):
        blocks_of(tmp_path / "page.md")


def test_what_is_shown_is_compared(tmp_path: Path) -> None:
    assert is_as_shown("a … c\nd", "a (b) c\nd\n")
    assert not is_as_shown("a … c", "a b\n c")
    assert not is_as_shown("a.c", "abc")
    assert is_as_shown("a\n  ⋮\nd", "a\nb\nc\nd")
    assert is_as_shown("a\n⋮\nd", "a\nd")
    assert not is_as_shown("a\n⋮\nd", "a\nb\nc")
    for number, (page, why) in enumerate(
        [
            ("```sh\nA=1\n```\n```sh\necho $A\n```\n```text\n2\n```", "shown"),
            ("```sh\nfalse\necho\n```", "failed"),
            ("```sh\necho $NEVER_SET\n```", "failed"),
            ("```sh\nsleep 30\n```", "hangs"),
        ]
    ):
        (tmp_path / "page.md").write_text(page)
        (folder := tmp_path / str(number)).mkdir()
        with pytest.raises(AssertionError, match=why):
            follow(blocks_of(tmp_path / "page.md"), folder, environment(), 1)


def test_from_nothing_to_a_copy_that_obeys(cluster: Cluster, tmp_path: Path) -> None:
    clone = tmp_path / "pulang"
    clone.mkdir()
    for name, place in {
        ".venv": Path(sys.prefix),
        ".cluster": cluster.folder,
        ".kafka": ROOT / ".kafka",
        "examples": ROOT / "examples",
    }.items():
        (clone / name).symlink_to(place)
    follow([block for block in blocks_of(PAGE) if block.excuse is None], clone, environment(), SECONDS)
