"""The process that a demo starts: `pulang up`, which ends when the demo does."""

import os
import sys
import threading
from pathlib import Path

from pulang.collector import collect_seldom
from pulang.server import CannotStart
from pulang.signals import end_when_asked
from pulang.up import serve
from shared.settings import Settings

ORPHANED = 70
"""Exit status when the demo has gone."""


def _die_with_the_demo() -> None:
    """The demo holds the other end of standard input: when it is gone, however it went, so are we."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os._exit(ORPHANED)

    threading.Thread(target=watch, name="demo-watch", daemon=True).start()


def main(data: str, host: str, port: str, *insecure: str) -> None:
    """The child's own beginning."""
    collect_seldom()
    _die_with_the_demo()
    end_when_asked()
    try:
        serve(Settings(Path(data)), host, int(port), bool(insecure))
    except CannotStart as refused:
        print(f"pulang: {refused}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
