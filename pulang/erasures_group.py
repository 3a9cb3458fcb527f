"""The commands `pulang erasures ...`."""

from typing import Annotated

import typer

from pulang.options import DataOption, JsonOption, TokenOption, UrlOption

CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="The case's id.")]

erasures_app = typer.Typer(no_args_is_help=True, help="Erase a person: one asks for it, a second one approves.")


@erasures_app.command("request")
def request(
    case: CaseArgument,
    agency: Annotated[str, typer.Option("--agency", help="The one whose supervisor asks.")] = "bp2mi",
    reason: Annotated[str, typer.Option("--reason", help="unneeded, withdrawn or requested.")] = "requested",
    asked_by: Annotated[
        str, typer.Option("--asked-by", help="person, guardian, heir, authority or agency.")
    ] = "person",
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
) -> None:
    """Ask for it, as a supervisor."""
    from pulang.client import reach
    from pulang.erasures import request_erasure

    request_erasure(reach(url, token, data), case, agency, reason, asked_by)


@erasures_app.command("approve")
def approve(case: CaseArgument, url: UrlOption = None, token: TokenOption = None, data: DataOption = None) -> None:
    """Erase the person, as an administrator. It cannot be undone."""
    from pulang.client import reach
    from pulang.erasures import approve_erasure

    approve_erasure(reach(url, token, data), case)


@erasures_app.command("list")
def list_them(
    status: Annotated[str | None, typer.Option("--status", help="requested, refused or erased.")] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
) -> None:
    """Who waits, and who is erased. Keep the JSON of it apart from backups: `pulang restore-check` reads it."""
    from pulang.client import reach
    from pulang.erasures import list_erasures

    list_erasures(reach(url, token, data), status, as_json=as_json)
