"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Data folder. Default: PULANG_DATA, else ./data.")
]
UrlOption = Annotated[
    str | None, typer.Option("--url", help="A running Pulang. Default: PULANG_URL, else what stands in DATA/url.")
]
TokenOption = Annotated[
    str | None,
    typer.Option("--token", help="Bearer token. Default: PULANG_TOKEN, PULANG_CLIENTS, else a development token."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output, all else on error.")]
HostOption = Annotated[str, typer.Option("--host", help="Address to listen on.")]
PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
InsecureOption = Annotated[
    bool, typer.Option("--insecure-dev-tokens", help="Allow a host that other machines reach, with development tokens.")
]
