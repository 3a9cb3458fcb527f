"""Keycloak as a process of this machine: the pinned archive, got once per checkout, and a home per instance."""

import fcntl
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
START = HERE / "start.sh"
REALM = HERE / "pulang-realm.json"
POM = HERE / "pom.xml"
STORE = HERE.parents[1] / ".keycloak"

_GET_SECONDS = 600
_BUILT = 10
"""Status of Keycloak's program when it has rearranged itself for the options it was given."""


class NoKeycloak(Exception):
    """A Keycloak cannot be run here."""


@cache
def unpacked() -> Path:
    """Keycloak as it came, arranged for start-dev already, which takes it a quarter of a minute. Raises NoKeycloak."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise NoKeycloak(f"there is no {program}")
    STORE.mkdir(exist_ok=True)
    asked, got, folder = POM.read_text(), STORE / "pom.xml", STORE / "unpacked"
    with (STORE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (got.is_file() and got.read_text() == asked):
            shutil.rmtree(folder, ignore_errors=True)
            getting = STORE / "getting"
            shutil.rmtree(getting, ignore_errors=True)
            getting.mkdir()
            # Maven leaves its notes beside the pom.
            shutil.copy(POM, getting / "pom.xml")
            goal = ["dependency:unpack-dependencies", f"-DoutputDirectory={folder}"]
            _run(["mvn", "-B", "-q", "-f", str(getting / "pom.xml"), *goal], "mvn cannot get Keycloak", 0)
            (home,) = folder.iterdir()
            _run(_java(home, "start-dev"), "Keycloak cannot be built", _BUILT)
            got.write_text(asked)  # last, so that half a Keycloak is none
    (home,) = folder.iterdir()
    return home


def make_home(folder: Path) -> Path:
    """A Keycloak in `folder`, with the realm to import and data of its own; the rest is shared. Raises NoKeycloak.

    Where there is one already, its data stay. Start it with start.sh and KEYCLOAK_HOME.
    """
    came = unpacked()
    for name in ("bin", "data/import", "lib"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("conf", "providers", "themes", "lib/app", "lib/lib", "lib/quarkus-run.jar"):
        if not (folder / name).exists():
            (folder / name).symlink_to(came / name)
    # What it rearranges at a start with other options; and its script, which takes its home from where it lies.
    shutil.copytree(came / "lib/quarkus", folder / "lib/quarkus", dirs_exist_ok=True)
    for name in ("bin/kc.sh", "version.txt"):
        shutil.copy(came / name, folder / name)
    shutil.copy(REALM, folder / "data/import")
    return folder


def _java(home: Path, *words: str) -> list[str]:
    program = ["-cp", str(home / "lib/quarkus-run.jar"), "io.quarkus.bootstrap.runner.QuarkusEntryPoint"]
    return ["java", f"-Dkc.home.dir={home}", f"-Djboss.server.config.dir={home / 'conf'}", *program, *words]


def _run(words: list[str], trouble: str, expected: int) -> None:
    try:
        done = subprocess.run(  # noqa: S603
            words, capture_output=True, timeout=_GET_SECONDS, check=False, env=os.environ, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise NoKeycloak(f"{trouble}: it took more than {_GET_SECONDS} s") from error
    if done.returncode != expected:
        raise NoKeycloak(f"{trouble}: {(done.stdout + done.stderr).decode(errors='replace')[-500:]}")
