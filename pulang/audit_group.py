"""The commands `pulang audit ...`."""

from typing import Annotated

import typer

from pulang.options import DataOption, JsonOption, TokenOption, UrlOption

audit_app = typer.Typer(no_args_is_help=True, help="The audit logs: who did what with whose data.")


@audit_app.command("verify")
def verify_audit(
    service: Annotated[str | None, typer.Argument(help="Only this service.")] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
) -> None:
    """Walk the chains and hold them against what was published of them. Status 1 where something does not hold.

    Where no Pulang runs on the data folder, its files are read.
    """
    from pulang.audit_log import verify_audit as verify

    raise typer.Exit(verify(service, url, token, data, as_json=as_json))


@audit_app.callback()
def audit() -> None:
    """Keeps `verify` a command of its own, while it is the only one."""
