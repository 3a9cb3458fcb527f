"""`pulang asyncapi` and `pulang schemas`: what is made from the event models."""

import json
import sys
from pathlib import Path

from pulang.complaint import Complaint
from shared.events.documents import asyncapi_document, write_schemas


def print_asyncapi() -> None:
    """The AsyncAPI 3 document on standard output."""
    print(json.dumps(asyncapi_document(), indent=2, ensure_ascii=False))


def write_all_schemas(folder: Path) -> None:
    """A file per event type. Raises Complaint."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        count = write_schemas(folder)
    except OSError as broken:
        raise Complaint(f"cannot write to {folder} ({broken.strerror}): name another folder") from None
    print(f"{count} schemas are in {folder}", file=sys.stderr)
