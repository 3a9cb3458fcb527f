"""`python -m deploy.cluster [up|clean] [--replicas N] [--folder DIR]`"""

import argparse
import shutil
import signal
import sys
import threading
from pathlib import Path

from deploy.cluster.places import block_of
from deploy.cluster.programs import ROOT
from deploy.cluster.ready import what_next
from deploy.cluster.running import cluster_of
from pulang.complaint import Complaint


def main() -> int:
    """Runs until Ctrl-C or SIGTERM. Status 0 then; 1 where it could not start, with one line that says why."""
    words = argparse.ArgumentParser(prog="make cluster", description="compose.yaml as local processes")
    words.add_argument("what", nargs="?", choices=("up", "clean"), default="up")
    words.add_argument("--replicas", type=int, default=2, metavar="N", help="of each service (2)")
    words.add_argument("--folder", type=Path, default=Path(".cluster"), metavar="DIR", help="logs and data (.cluster)")
    words.add_argument("--file", type=Path, default=ROOT / "compose.yaml", metavar="FILE", help="compose.yaml")
    given = words.parse_args()
    try:
        if given.what == "clean":
            _clean(given.folder)
        else:
            _up(given.replicas, given.folder, given.file)
    except Complaint as complaint:
        print(f"cluster: {complaint}", file=sys.stderr)
        return 1
    return 0


def _up(replicas: int, folder: Path, file: Path) -> None:
    asked_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_stop.set())
    with cluster_of(replicas, folder, file) as cluster:
        print(f"starting {len(cluster.services)} services; their logs are in {folder / 'logs'}", flush=True)
        cluster.start()
        if cluster.wait(unless=asked_to_stop):
            cluster.hand_over()
            print(what_next(cluster.folder, cluster.places, cluster.environment, replicas), flush=True)
            while not asked_to_stop.wait(0.5):
                cluster.check()
        print("stopping", flush=True)
    print("stopped", flush=True)


def _clean(folder: Path) -> None:
    if folder.is_dir():
        with block_of(folder):  # which nobody else may hold
            pass
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
