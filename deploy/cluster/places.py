"""What stands for a container's own world on this machine: an address of its own, its volumes, its environment.

Every replica has the address 127.BLOCK.SERVICE.REPLICA, so that all of them listen on the ports that compose.yaml says.
The block is drawn once per folder and held while the cluster runs, so that two of them do not meet.
"""

import json
import os
import random
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.cluster.compose import Mount, Service
from pulang.complaint import Complaint

_GUARD_PORT = 7999
"""Held on 127.BLOCK.0.1 by whoever uses the block."""
_OWN = re.compile(r"(?<![\w.-])(?:0\.0\.0\.0|127\.0\.0\.1|localhost)(?![\w.-])")


@contextmanager
def block_of(folder: Path) -> Iterator[int]:
    """The second number of this folder's addresses, for as long as it is used. Raises Complaint."""
    kept = folder / "block"
    known = int(kept.read_text()) if kept.exists() else None
    # Certificates and an issuer's address hold it: it stays the same for as long as the folder is there.
    for block in random.sample(range(16, 255), 239) if known is None else [known]:
        with socket.socket() as guard:
            guard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                guard.bind((f"127.{block}.0.1", _GUARD_PORT))
                guard.listen(1)
            except OSError:
                continue
            kept.write_text(f"{block}\n")
            yield block
            return
    if known is None:
        raise Complaint("this system gives no process an address such as 127.20.1.1: make cluster needs Linux")
    raise Complaint(f"127.{known}.0.1 is taken: a cluster runs on {folder} already, or on another folder by accident")


class Places:
    """Translates what compose.yaml says to containers into what it means to local processes."""

    def __init__(self, services: Sequence[Service], folder: Path, root: Path, block: int) -> None:
        """`folder` keeps logs and volumes; `root` is the folder of compose.yaml."""
        self._folder = folder
        self.root = root
        self._addresses = {
            service.name: [f"127.{block}.{number}.{replica}" for replica in range(1, service.replicas + 1)]
            for number, service in enumerate(services, start=1)
        }
        names = "|".join(sorted(map(re.escape, self._addresses), key=len, reverse=True))
        self._name = re.compile(rf"(?<![\w.-])({names}):(\d+)")

    def address(self, service: str, replica: int = 1) -> str:
        return self._addresses[service][replica - 1]

    def folder_of(self, mount: Mount) -> Path:
        """Where the content of a mount is."""
        return (self.root / mount.source).resolve() if mount.bind else self._folder / "volumes" / mount.source

    def local(self, text: str, service: Service, replica: int) -> str:
        """The same for a process of this replica. Raises Complaint."""
        text = self._paths(text, service)
        text = _OWN.sub(self.address(service.name, replica), text)
        if (alone := self._name.fullmatch(text)) is not None:
            # Whoever takes an address alone takes several, as it would get them from Compose's name server.
            return " ".join(f"{address}:{alone[2]}" for address in self._addresses[alone[1]])
        return self._name.sub(lambda found: self._one(found, service), text)

    def text(self, text: str) -> str:
        """As `local`, for what comes from outside of any container. Raises Complaint."""
        return self._name.sub(lambda found: self._one(found, None), text)

    def prepare(self, service: Service) -> None:
        """The folders of its volumes, and what stands for folders that hold only mounts."""
        for mount in service.mounts:
            place = self.folder_of(mount)
            if mount.bind:
                if not place.exists():
                    raise Complaint(f"services.{service.name}.volumes: there is no {mount.source}")
                continue
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            link = self._inside(service) / mount.target.lstrip("/")
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(os.path.relpath(place, link.parent))

    def _inside(self, service: Service) -> Path:
        return self._folder / "inside" / service.name

    def _paths(self, text: str, service: Service) -> str:
        for mount in sorted(service.mounts, key=lambda mount: len(mount.target), reverse=True):
            inner = re.compile(rf"(?<![\w./-]){re.escape(mount.target)}(?![\w.-])")
            text = inner.sub(str(self.folder_of(mount)), text)
        above = {str(parent) for mount in service.mounts for parent in list(Path(mount.target).parents)[:-2]}
        return str(self._inside(service) / text.lstrip("/")) if text in above else text

    def _one(self, found: re.Match[str], service: Service | None) -> str:
        addresses = self._addresses[found[1]]
        if len(addresses) > 1:
            where = "" if service is None else f"services.{service.name}: "
            raise Complaint(f"{where}{found[0]} inside a longer text means one of {len(addresses)} replicas")
        return f"{addresses[0]}:{found[2]}"


def clean_environment(own: Mapping[str, str], path: Sequence[Path], home: Path) -> dict[str, str]:
    """What a process sees: its own variables and, as in an image, nothing else of whoever started it."""
    kept = {name: os.environ[name] for name in ("JAVA_HOME", "LD_LIBRARY_PATH") if name in os.environ}
    places = [*map(str, path), os.environ.get("PATH", os.defpath)]
    return {"PATH": os.pathsep.join(places), "HOME": str(home), "LANG": "C.UTF-8", **kept, **own}


def record_places(folder: Path, services: Sequence[Service], places: Places) -> None:
    """For people: which address is whose."""
    table = {
        f"{service.name}-{replica}": places.address(service.name, replica)
        for service in services
        for replica in range(1, service.replicas + 1)
    }
    (folder / "addresses.json").write_text(json.dumps(table, indent=1) + "\n")
