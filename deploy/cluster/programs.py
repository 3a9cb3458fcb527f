"""The programs that are not ours: the machine's own, else fetched once into `.kafka`, `.keycloak`, `.caddy`.

Each raises Complaint, with what to install, where it cannot be had.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.keycloak.local import NoKeycloak, make_home
from pulang.complaint import Complaint

ROOT = Path(__file__).parents[2]
_FETCH_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Program:
    """What a process needs to find it: folders for its PATH, and variables."""

    path: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def program(name: str, folder: Path) -> Program:
    """For the cluster in `folder`. Raises Complaint."""
    try:
        find = _PROGRAMS[name]
    except KeyError:
        raise Complaint(f"make cluster knows no program {name!r}: {', '.join(_PROGRAMS)}") from None
    return find(folder)


def kafka(_: Path) -> Program:
    """Java's jars, from Maven Central."""
    store, pom = ROOT / ".kafka", ROOT / "deploy" / "kafka" / "pom.xml"
    libs = store / "libs"
    with fetching(store, pom.read_text()) as missing:
        if missing:
            shutil.rmtree(libs, ignore_errors=True)
            run("Kafka", "mvn", "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={libs}")
    needs("Kafka", "java", "Java 17")
    return Program(environment={"KAFKA_LIBS": str(libs)})


def postgres(folder: Path) -> Program:
    """Debian keeps its binaries apart, by version, and has only a wrapper of `psql` on the PATH."""
    if os.geteuid() == 0 and (closed := [one for one in folder.parents if not one.stat().st_mode & 0o001]):
        raise Complaint(f"PostgreSQL is not run by root, and others cannot pass through {closed[0]}: choose a folder")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: float(place.parent.name), reverse=True)
    if (found := shutil.which("postgres")) is not None:
        places.append(Path(found).parent)
    for place in places:
        if all((place / tool).exists() for tool in ("postgres", "initdb", "psql", "pg_isready")):
            return Program((place,))
    raise Complaint("there is no PostgreSQL server here: install it (Debian: apt-get install postgresql)")


def caddy(_: Path) -> Program:
    """Its package needs no installation: it is one file."""
    if shutil.which("caddy") is not None:
        return Program()
    store = ROOT / ".caddy"
    with fetching(store, "caddy") as missing:
        if missing:
            needs("the gateway", "apt-get", "Caddy (this is no Debian, where its package would be fetched)")
            for old in store.glob("*.deb"):
                old.unlink()
            # Root would hand the download to a user who may not write here.
            run("Caddy", "apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", "caddy", folder=store)
            for package in store.glob("*.deb"):
                run("Caddy", "dpkg", "-x", str(package), str(store))
    return Program((store / "usr" / "bin",))


@contextmanager
def fetching(store: Path, asked: str) -> Iterator[bool]:
    """Whether what is `asked` has to be fetched into `store`; one process at a time, and half of it is none."""
    store.mkdir(exist_ok=True)
    got = store / "pom.xml"
    with (store / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = not got.is_file() or got.read_text() != asked
        yield missing
        if missing:
            got.write_text(asked)


def needs(what: str, command: str, package: str) -> None:
    """Raises Complaint where there is no such command."""
    if shutil.which(command) is None:
        raise Complaint(f"{what} needs {command}, which is not here: install {package}")


def run(what: str, *words: str, folder: Path = ROOT) -> None:
    """A command that fetches or unpacks. Raises Complaint."""
    needs(what, words[0], words[0])
    try:
        subprocess.run(words, check=True, capture_output=True, timeout=_FETCH_SECONDS, cwd=folder)  # noqa: S603
    except subprocess.CalledProcessError as error:
        told = (error.stderr or error.stdout).decode("utf-8", "replace").strip()[-500:]
        raise Complaint(f"{what} cannot be fetched: {words[0]}: {told}") from None
    except subprocess.TimeoutExpired:
        raise Complaint(f"{what} was not fetched by {words[0]} within {_FETCH_SECONDS} s") from None


def keycloak(folder: Path) -> Program:
    """The archive of Maven Central, with a home of its own per cluster, whose data are the volume's."""
    needs("Keycloak", "java", "Java 17")
    needs("Keycloak", "mvn", "Maven")
    data, home = folder / "volumes" / "keycloak", folder / "keycloak"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
    if not (home / "data").exists():
        (home / "data").symlink_to(data)
    try:
        return Program(environment={"KEYCLOAK_HOME": str(make_home(home))})
    except NoKeycloak as none:
        raise Complaint(str(none)) from None


_PROGRAMS: Mapping[str, Callable[[Path], Program]] = {
    "caddy": caddy,
    "kafka": kafka,
    "keycloak": keycloak,
    "postgres": postgres,
}
