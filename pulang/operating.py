"""Commands for those who run Pulang on a cluster: `pulang serve`, `pulang migrate`, and what keeps them going."""

import typer


def add_to(app: typer.Typer) -> None:
    """Put the operators' commands beside the others."""
